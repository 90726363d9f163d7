/** What each example's configuration speaks of, as small as it can be: its tables, functions and policies, with rows. */
const voxanneTables = ['organizations', 'profiles', 'agents', 'call_logs', 'knowledge_base_chunks']

const voxanne = `
${voxanneTables.map(name => `create table ${name} (id int primary key, body text); insert into ${name} select i, 'row ' || i from generate_series(1, 200) i;`).join('\n')}
create table contacts (id int primary key, organization_id int, phone text);
insert into contacts select i, i % 7, '+49 30 ' || i from generate_series(1, 300) i;
create table appointments (id int primary key, contact_id int references contacts, starts_at timestamptz, ends_at timestamptz);
insert into appointments select i, i, now() + i * interval '1 hour', now() + (i + 1) * interval '1 hour' from generate_series(1, 300) i;
create function book_appointment_with_lock(int) returns int language sql as 'select $1';
create function cleanup_old_webhook_logs() returns void language sql as 'select';
${Array.from({ length: 20 }, (_, at) => `create policy p${at} on profiles using (id > ${at});`).join('\n')}`

const booking = `
create table customers (id int primary key, name text); insert into customers select i, 'name ' || i from generate_series(1, 300) i;
create table bookings (id int primary key, customer_id int references customers, at timestamptz);
insert into bookings select i, i, now() from generate_series(1, 300) i;
create table services (id int primary key, name text); insert into services values (1, 'cut'), (2, 'wash');
create table payments (id int primary key, cents int); insert into payments select i, i * 100 from generate_series(1, 300) i;`

const flynn = `
create table users (id int primary key, email text); insert into users select i, i || '@example.org' from generate_series(1, 300) i;
create table sessions (id int primary key, user_id int); insert into sessions select i, i from generate_series(1, 300) i;
create table transcripts (id int primary key, session_id int, words text);
insert into transcripts select i, i, repeat('word ', 50) from generate_series(1, 300) i;
create table recordings (id int primary key, key text); insert into recordings select i, 'calls/' || i from generate_series(1, 30) i;`

const botflow = `
create table users (id int primary key, email text); insert into users select i, i || '@example.org' from generate_series(1, 100) i;
create table bots (id int primary key, name text); insert into bots select i, 'bot ' || i from generate_series(1, 20) i;
create table conversations (id int primary key, bot int); insert into conversations select i, i % 20 from generate_series(1, 200) i;
create table messages (id int primary key, conversation int, body text);
insert into messages select i, i % 200, repeat('hello ', 20) from generate_series(1, 1000) i;`

export const exampleDatabases = { voxanne, 'ai-booking': booking, flynn, botflow }
