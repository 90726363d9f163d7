/** The schema that holds the queue: pg-boss's tables, and ours beside them. */
export const queueSchema = 'lifeboat_queue'
/** The one queue in it. */
export const queueName = 'runs'

/**
 * One row for every run that ever became due: its key is what keeps two schedulers from adding it twice, and it stays
 * when pg-boss has removed its job. `overview` shows both.
 */
export const migration = `
  select pg_advisory_xact_lock(hashtext('${queueSchema}'));
  create table if not exists ${queueSchema}.run (
    product text not null,
    job text not null,
    due_at timestamptz not null,
    job_id uuid not null unique,
    added_at timestamptz not null default now(),
    added_by text not null,
    worker text,
    attempts int not null default 0,
    finished_at timestamptz,
    result text,
    summary text,
    outcome jsonb,
    primary key (product, job, due_at)
  );
  create or replace view ${queueSchema}.overview as
    select r.product, r.job, r.due_at, r.job_id,
           case when r.finished_at is not null then r.result
                when j.state = 'active' then 'running'
                when j.state in ('created', 'retry') then 'waiting'
                when j.state = 'cancelled' then 'cancelled'
                else 'failed' end as state,
           r.attempts, r.worker, j.started_on as started_at,
           case when j.state in ('created', 'retry') then j.start_after end as next_attempt_at,
           case when j.state = 'active' then j.started_on + j.expire_in end as lease_ends_at,
           r.finished_at, r.summary, r.added_at
      from ${queueSchema}.run r
      left join ${queueSchema}.job j on j.name = '${queueName}' and j.id = r.job_id;
`
