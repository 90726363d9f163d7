import { describe, expect, it } from 'vitest'
import { planRoles } from './plan-roles.js'
import { checkRoles, statementsOf } from './read-roles.js'

const dump = `--
-- PostgreSQL database cluster dump
--

\\restrict abc

SET default_transaction_read_only = off;

CREATE ROLE app;
ALTER ROLE app WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB LOGIN NOREPLICATION BYPASSRLS;
CREATE ROLE "odd ""name"";
-- ";
ALTER ROLE "odd ""name"";
-- " WITH SUPERUSER INHERIT NOLOGIN;
CREATE ROLE postgres;
ALTER ROLE postgres WITH SUPERUSER LOGIN;
ALTER ROLE app SET "app.key" TO 'a secret; of
two lines';
GRANT app TO "odd ""name"";
-- " WITH ADMIN OPTION, INHERIT TRUE GRANTED BY postgres;
GRANT gone TO app GRANTED BY postgres;

\\unrestrict abc

--
-- PostgreSQL database cluster dump complete
--

`
const odd = 'odd "name";\n-- '
const target = { roles: new Set(['postgres']), superuser: true, serverMajor: 17 }

describe('the roles of a backup', () => {
  it('are whole only with the comment that pg_dumpall ends with', () => {
    expect(checkRoles(Buffer.from(dump))).toBe(3)
    for (const end of [0, 1, 200, dump.indexOf('dump complete')])
      expect(() => checkRoles(Buffer.from(dump.slice(0, end)))).toThrow(/cut short/)
  })

  it('are made where the target lacks them; those that it has stay as they are', () => {
    const plan = planRoles(statementsOf(dump), target)
    expect(plan.creates).toEqual(['app', odd])
    expect(plan.run.slice(0, 2)).toEqual([
      'CREATE ROLE app',
      'ALTER ROLE app WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB LOGIN NOREPLICATION BYPASSRLS',
    ])
    expect(plan.run.at(-1)).toBe('GRANT app TO "odd ""name"";\n-- " WITH ADMIN OPTION, INHERIT TRUE')
    expect(plan.statements.filter(one => one.skipped !== null).map(one => one.skipped)).toEqual([
      'the target has postgres, which stays as it is',
      'the target has postgres, which stays as it is',
      'there is no role gone',
    ])
    expect(plan.warnings).toEqual(['app may log in and has no password: a backup holds none; set new ones'])
  })

  it('never show what a setting is set to, which runs all the same', () => {
    const plan = planRoles(statementsOf(dump), target)
    expect(JSON.stringify(plan.statements)).not.toContain('a secret')
    expect(plan.run).toContain('ALTER ROLE app SET "app.key" TO \'a secret; of\ntwo lines\'')
  })

  it('lose what only a superuser may give, and it is said', () => {
    const plan = planRoles(statementsOf(dump), { ...target, superuser: false, serverMajor: 15 })
    expect(plan.run[1]).toBe('ALTER ROLE app WITH INHERIT NOCREATEROLE NOCREATEDB LOGIN')
    expect(plan.run.at(-1)).toMatch(/WITH ADMIN OPTION$/)
    expect(plan.warnings).toContain('app is made without BYPASSRLS: only a superuser may give that')
    expect(plan.warnings).toContain(`${odd} is made without SUPERUSER: only a superuser may give that`)
  })
})
