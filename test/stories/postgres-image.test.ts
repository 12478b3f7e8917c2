import { existsSync } from 'node:fs'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { processOfPostgres, standInPostgres } from './book-images.ts'
import { createSandbox, eventually, isRoot } from './harness.ts'

describe.skipIf(!isRoot)('the image of PostgreSQL (needs root and kubectl)', () => {
  const sandbox = createSandbox()
  const { k, apply } = sandbox
  beforeAll(async () => {
    await standInPostgres(sandbox, 'postgres:10.1')
    const { code, stderr } = await sandbox.knarr('up', '-n', '1')
    if (code !== 0) throw new Error(stderr)
  })
  afterAll(() => sandbox.remove())

  const podIp = (pod: string) => k('get', 'pod', pod, '-o', 'jsonpath={.status.podIP}')
  const query = async (pod: string, login: { user: string; password: string; database: string }, text: string) => {
    const client = new pg.Client({ ...login, host: await podIp(pod), connectionTimeoutMillis: 2000 })
    client.on('error', () => undefined)
    await client.connect()
    try {
      return (await client.query(text)).rows as Record<string, unknown>[]
    } finally {
      await client.end()
    }
  }
  const pod = (name: string, more: { env?: object; volumes?: string; mounts?: string; security?: string }) => `
apiVersion: v1
kind: Pod
metadata: { name: ${name} }
spec:
  restartPolicy: Always
  terminationGracePeriodSeconds: 10
  securityContext: ${more.security ?? '{}'}
  containers:
    - name: postgres
      image: postgres:10.1
      env: ${JSON.stringify(Object.entries(more.env ?? {}).map(([key, value]) => ({ name: key, value })))}
      volumeMounts: [${more.mounts ?? ''}]
  volumes: [${more.volumes ?? ''}]
`
  const claim = (name: string) => `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: ${name} }
spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }
`

  it('refuses to start without a password, and says how to give one', async () => {
    await k('run', 'open', '--image=postgres:10.1', '--restart=Never')
    await k('wait', 'pod/open', '--for=jsonpath={.status.phase}=Failed', '--timeout=30s')
    expect(await k('logs', 'open')).toContain('You must specify POSTGRES_PASSWORD to a non-empty value')
    await k('delete', 'pod', 'open')
  })

  it('takes user, database and arguments from the environment, the password from a file, and runs the scripts once', async () => {
    await k('create', 'secret', 'generic', 'login', '--from-literal=password=s3c"ret')
    const sql = "create table fish (name text);\ninsert into fish values ('eel');\ncreate function f() returns int language sql as $$ select 1; $$;"
    await k('create', 'configmap', 'scripts', `--from-literal=10-fish.sql=${sql}`, '--from-literal=20-mark.sh=echo "marked $POSTGRES_DB" >&2')
    const database =
      claim('data') +
      '---' +
      pod('db', {
        env: {
          POSTGRES_USER: 'ann',
          POSTGRES_DB: 'the "shop"',
          POSTGRES_PASSWORD_FILE: '/login/password',
          POSTGRES_INITDB_ARGS: '--wal-segsize=4 --no-sync',
        },
        mounts:
          '{ name: data, mountPath: /var/lib/postgresql/data }, { name: login, mountPath: /login }, { name: scripts, mountPath: /docker-entrypoint-initdb.d }',
        volumes:
          '{ name: data, persistentVolumeClaim: { claimName: data } }, { name: login, secret: { secretName: login } }, { name: scripts, configMap: { name: scripts } }',
      })
    await apply(database)
    const login = { user: 'ann', password: 's3c"ret', database: 'the "shop"' }
    const names = () => query('db', login, 'select name from fish').then((rows) => rows.map((row) => row['name']))
    await eventually(names, (rows) => rows.length === 1, 'the script has run')
    expect(await query('db', login, 'show wal_segment_size')).toEqual([{ wal_segment_size: '4MB' }])
    expect(await k('logs', 'db')).toContain('marked the "shop"')
    await expect(query('db', { ...login, password: 'wrong' }, 'select 1')).rejects.toThrow('password authentication failed for user "ann"')

    // Killed hard, it comes back by itself with what was committed, and its scripts do not run again.
    await query('db', login, "insert into fish values ('cod')")
    await k('exec', 'db', '--', 'sh', '-c', 'kill -9 $(pgrep -o -f checkpointer) || true')
    await eventually(names, (rows) => rows.join() === 'eel,cod', 'it recovered')
    const restarts = () => k('get', 'pod', 'db', '-o', 'jsonpath={.status.containerStatuses[0].restartCount}')
    process.kill(processOfPostgres(), 'SIGKILL')
    await eventually(restarts, (count) => Number(count) >= 1, 'the container was started again')
    await eventually(names, (rows) => rows.join() === 'eel,cod', 'the data are there')

    // Asked to end, it ends in order: the next one finds nothing to recover.
    await k('delete', 'pod', 'db')
    await apply(database)
    await eventually(names, (rows) => rows.join() === 'eel,cod', 'the data are there for the next Pod')
    expect(await k('logs', 'db')).toContain('database system was shut down at')
    await k('delete', 'pod', 'db')
  })

  it('runs plain SQL where there is no psql, and stops at a statement that is wrong', async () => {
    await k(
      'create',
      'configmap',
      'plain',
      '--from-literal=1.sql=create table fish (); drop table fish;',
      '--from-literal=2.sql=select nonsense',
      '--from-literal=psql=',
    )
    const hidden = existsSync('/usr/bin/psql') ? ', { name: scripts, mountPath: /usr/bin/psql, subPath: psql }' : ''
    const manifest = pod('plain', {
      env: { POSTGRES_PASSWORD: 'x', POSTGRES_DB: 'app' },
      mounts: `{ name: scripts, mountPath: /docker-entrypoint-initdb.d }${hidden}`,
      volumes: '{ name: scripts, configMap: { name: plain } }',
    })
    await apply(manifest.replace('restartPolicy: Always', 'restartPolicy: Never'))
    await k('wait', 'pod/plain', '--for=jsonpath={.status.phase}=Failed', '--timeout=30s')
    expect(await k('logs', 'plain')).toMatch(/running .*1\.sql\n.*running .*2\.sql\nERROR: column "nonsense" does not exist\n$/)
  })

  it('runs as any user in the group of its volume', async () => {
    const security = '{ runAsUser: 4711, fsGroup: 2000, runAsNonRoot: true }'
    await apply(
      claim('other') +
        '---' +
        pod('rootless', {
          security,
          env: { POSTGRES_PASSWORD: 'x', PGDATA: '/data/pgdata' },
          mounts: '{ name: data, mountPath: /data }',
          volumes: '{ name: data, persistentVolumeClaim: { claimName: other } }',
        }),
    )
    const user = () => query('rootless', { user: 'postgres', password: 'x', database: 'postgres' }, 'select current_user')
    await eventually(user, (rows) => rows[0]?.['current_user'] === 'postgres', 'it answers')
    expect((await k('exec', 'rootless', '--', 'id', '-u')).trim()).toBe('4711')
    await k('delete', 'pod', 'rootless')
  })

  it('makes a database anew that was left half made, and leaves what is not its own alone', async () => {
    const run = (name: string, script: string) =>
      k('run', name, '--image=postgres:10.1', '--restart=Never', '--env=POSTGRES_PASSWORD=x', '--command', '--', 'sh', '-c', script)
    await run('half', 'mkdir -p $PGDATA/.making/base; touch $PGDATA/postgresql.conf; exec docker-entrypoint.sh postgres')
    await run('foreign', 'mkdir -p $PGDATA; touch $PGDATA/mine; exec docker-entrypoint.sh postgres')
    await eventually(
      () => query('half', { user: 'postgres', password: 'x', database: 'postgres' }, 'select 1'),
      (rows) => rows.length === 1,
      'it answers',
    )
    await k('wait', 'pod/foreign', '--for=jsonpath={.status.phase}=Failed', '--timeout=30s')
    expect(await k('logs', 'foreign')).toContain('is neither empty nor a database')
  })
})
