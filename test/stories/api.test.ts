// The API as its clients see it: the real kubectl, the real client library, and curl with whatever comes to mind.
import { AppsV1Api, CoreV1Api, KubeConfig, makeInformer, PatchStrategy, setHeaderOptions, Watch } from '@kubernetes/client-node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createSandbox, eventually } from './harness.ts'

const sandbox = createSandbox()
const { k, kubectl, apply } = sandbox
const config = new KubeConfig()

beforeAll(async () => {
  const answer = await sandbox.knarr('up')
  if (answer.code !== 0) throw new Error(answer.stdout + answer.stderr)
  config.loadFromFile(sandbox.kubeconfig)
}, 60_000)
afterAll(() => sandbox.remove(), 60_000)

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, labels: { app: web } }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: app, image: nowhere.invalid/app:1 }] }
`
const configMap = (data: object) => JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'cm', labels: { app: 'web' } }, data })

test('kubectl lists what there is, and says what a field means', async () => {
  expect(await k('api-resources', '-o', 'name')).toContain('deployments.apps')
  expect(await k('cluster-info')).toContain('control plane')
  expect(await k('get', '--raw', '/readyz?verbose')).toContain('readyz check passed')
  expect(await k('explain', 'deployment.spec')).toContain('Number of desired pods')
  expect(await k('auth', 'can-i', 'create', 'pods')).toBe('yes\n')
  expect((await k('create', 'token', 'default')).split('.')).toHaveLength(3)
  expect((await kubectl('top', 'nodes')).stderr).toBe('error: Metrics API not available\n')
})

test('kubectl shows objects in each of its forms', async () => {
  await apply(deployment)
  await eventually(
    () => k('get', 'pods', '-o', 'name'),
    (text) => text.split('\n').length === 3,
    'two Pods',
  )
  expect(await k('get', 'all')).toMatch(/pod\/web[^]*service\/kubernetes[^]*deployment.apps\/web[^]*replicaset.apps\/web/)
  expect(await k('get', 'deploy', '-o', 'wide')).toMatch(/^NAME +READY +UP-TO-DATE +AVAILABLE +AGE +CONTAINERS +IMAGES +SELECTOR\n/)
  expect(await k('get', 'deploy', '-o', 'jsonpath={.items[*].spec.replicas}')).toBe('2')
  expect(await k('get', 'deploy', '-o', 'custom-columns=N:.metadata.name', '--no-headers')).toBe('web\n')
  expect(await k('get', 'events')).toMatch(/^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\n/)
  const kinds = (await k('api-resources', '--verbs=list', '-o', 'name')).trim().split('\n')
  const failed: string[] = []
  for (const kind of kinds) {
    // This kubectl describes the beta version of two kinds.
    const verbs = /^(servicecidrs|ipaddresses)/.test(kind) ? ['get'] : ['get', 'describe']
    for (const verb of verbs) if ((await kubectl(verb, kind, '-A')).code !== 0) failed.push(`${verb} ${kind}`)
  }
  expect(failed).toEqual([])
}, 120_000)

test('kubectl changes objects in each of its ways', async () => {
  await apply(configMap({ a: '1' }))
  await k('label', 'cm', 'cm', 'tier=front')
  await k('annotate', 'cm', 'cm', 'note=hi')
  await k('patch', 'cm', 'cm', '-p', '{"data":{"b":"2"}}')
  await k('patch', 'cm', 'cm', '--type=merge', '-p', '{"data":{"b":null,"c":"3"}}')
  await k('patch', 'cm', 'cm', '--type=json', '-p', '[{"op":"add","path":"/data/d","value":"4"}]')
  expect(JSON.parse(await k('get', 'cm', 'cm', '-o', 'jsonpath={.data}'))).toEqual({ a: '1', c: '3', d: '4' })
  const before = await k('get', 'cm', 'cm', '-o', 'json')
  await k('annotate', 'cm', 'cm', 'note-')
  expect((await sandbox.run('kubectl', ['replace', '-f', '-'], before)).stderr).toContain('the object has been modified')
  const diff = await sandbox.run('kubectl', ['diff', '-f', '-'], configMap({ a: '5' }))
  expect([diff.code, diff.stdout]).toEqual([1, expect.stringMatching(/-  a: "1"\n[^]*\+  a: "5"/)])
  expect(await k('get', 'cm', 'cm', '-o', 'jsonpath={.data.a}')).toBe('1')
  await k('wait', '--for=jsonpath={.data.a}=1', 'cm/cm', '--timeout=10s')
})

test('a deletion takes the dependents along, or leaves them', async () => {
  await k('delete', 'deploy', 'web', '--cascade=orphan')
  expect(await k('get', 'rs', '-o', 'name')).toMatch(/^replicaset.apps\/web-\w+\n$/)
  await k('delete', 'rs', '--all', '--cascade=foreground')
  expect(await k('get', 'rs,pods', '-o', 'name')).toBe('')
})

test('the client library reads, watches, informs and patches', async () => {
  const core = config.makeApiClient(CoreV1Api)
  const apps = config.makeApiClient(AppsV1Api)
  const namespace = 'default'
  const names: string[] = []
  const informer = makeInformer(config, `/api/v1/namespaces/${namespace}/configmaps`, () => core.listNamespacedConfigMap({ namespace }))
  informer.on('add', ({ metadata }) => void names.push(metadata?.name ?? ''))
  await informer.start()
  const seen: string[] = []
  const watch = await new Watch(config).watch(
    `/api/v1/namespaces/${namespace}/configmaps`,
    {},
    (phase: string) => void seen.push(phase),
    () => undefined,
  )
  const made = await core.createNamespacedConfigMap({ namespace, body: { metadata: { generateName: 'lib-' }, data: { a: '1' } } })
  const name = made.metadata?.name ?? ''
  expect(name).toMatch(/^lib-.{5}$/)
  const strategic = setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch)
  expect((await core.patchNamespacedConfigMap({ namespace, name, body: { data: { b: '2' } } }, strategic)).data).toEqual({ a: '1', b: '2' })
  await core.deleteNamespacedConfigMap({ namespace, name })
  await eventually(
    async () => seen,
    (phases) => phases.join().endsWith('ADDED,MODIFIED,DELETED'),
    'the watch',
  )
  await eventually(
    async () => names,
    (all) => all.includes(name),
    'the informer',
  )
  watch.abort()
  await informer.stop()
  await expect(apps.readNamespacedDeployment({ namespace, name: 'none' })).rejects.toMatchObject({ code: 404 })
})

test('roles decide who may do what', async () => {
  await k('create', 'namespace', 'team')
  await k('create', 'role', 'pod-reader', '--verb=get,list,watch', '--resource=pods', '-n', 'team')
  await k('create', 'rolebinding', 'vera', '--role=pod-reader', '--user=vera', '-n', 'team')
  await k('create', 'rolebinding', 'adam', '--clusterrole=admin', '--user=adam', '-n', 'team')
  const as = (user: string, ...args: string[]) => kubectl(...args, '-n', 'team', `--as=${user}`)
  expect((await as('vera', 'get', 'pods')).stderr).toBe('No resources found in team namespace.\n')
  expect((await as('vera', 'get', 'secrets')).stderr).toBe(
    'Error from server (Forbidden): secrets is forbidden: User "vera" cannot list resource "secrets" in API group "" in the namespace "team"\n',
  )
  expect((await as('vera', 'auth', 'can-i', 'list', 'pods')).stdout).toBe('yes\n')
  expect((await as('vera', 'auth', 'can-i', 'delete', 'pods')).stdout).toBe('no\n')
  expect((await as('vera', 'auth', 'can-i', '--list')).stdout).toMatch(/^pods +\[\] +\[\] +\[get list watch\]$/m)
  expect((await as('vera', 'auth', 'whoami')).stdout).toMatch(/^Username +vera\nGroups +\[system:authenticated\]$/m)
  const grant = await as('adam', 'create', 'role', 'too-much', '--verb=get', '--resource=nodes')
  expect(grant.stderr).toContain('is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["nodes"], Verbs:["get"]}')
  expect((await as('adam', 'create', 'role', 'fair', '--verb=get', '--resource=pods')).code).toBe(0)
  expect(await k('auth', 'can-i', 'list', 'secrets', '--as=system:serviceaccount:team:default', '-n', 'team').catch((error: Error) => error.message)).toContain(
    'no',
  )
  expect(await k('get', 'clusterroles', 'cluster-admin', 'admin', 'edit', 'view', '-o', 'name')).toBe(
    ['cluster-admin', 'admin', 'edit', 'view'].map((name) => `clusterrole.rbac.authorization.k8s.io/${name}\n`).join(''),
  )
})

test('an unknown kind is named', async () => {
  const answer = await sandbox.run('kubectl', ['apply', '-f', '-'], '{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"a"}}')
  expect(answer.stderr).toContain('no matches for kind "Thing" in version "example.com/v1"')
})

const maps = '/api/v1/namespaces/default/configmaps'
const cases: [what: string, status: number, args: string[], body?: string][] = [
  ['bad JSON', 400, ['-XPOST', maps], '{bad'],
  ['no body', 400, ['-XPOST', maps], ''],
  ['another kind', 400, ['-XPOST', maps], '{"kind":"Pod","apiVersion":"v1"}'],
  ['a wrong type', 400, ['-XPOST', maps], '{"metadata":{"name":5}}'],
  ['a wrong name', 422, ['-XPOST', maps], '{"metadata":{"name":"A_B"}}'],
  ['a huge body', 413, ['-XPOST', maps], `{"metadata":{"name":"huge"},"data":{"a":"${'x'.repeat(5_000_000)}"}}`],
  ['a deep body', 400, ['-XPOST', maps], `{"metadata":{"name":"deep"},"data":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
  ['wrong delete options', 400, ['-XDELETE', `${maps}/cm`], '{"gracePeriodSeconds":"a"}'],
  ['an unknown path', 404, ['/nowhere']],
  ['an unknown resource', 404, ['/api/v1/things']],
  ['a wrong limit', 400, ['/api/v1/pods?limit=abc']],
  ['a wrong continue token', 400, ['/api/v1/pods?continue=abc']],
  ['a wrong encoding', 400, ['/api/v1/%ff/pods']],
]

test('whatever curl sends is answered, and the server lives (claim 124)', async () => {
  await k('create', 'serviceaccount', 'anything')
  await k('create', 'clusterrolebinding', 'anything', '--clusterrole=cluster-admin', '--serviceaccount=default:anything')
  const token = (await k('create', 'token', 'anything')).trim()
  const base = config.getCurrentCluster()?.server ?? ''
  for (const [what, status, args, body] of cases) {
    const [path = '', ...options] = args.toReversed()
    const data = body === undefined ? [] : ['-H', 'Content-Type: application/json', '--data-binary', '@-']
    const flags = ['-sk', '-o', '/dev/null', '-w', '%{http_code}', '-H', `Authorization: Bearer ${token}`]
    expect([what, (await sandbox.run('curl', [...flags, ...data, ...options, base + path], body)).stdout]).toEqual([what, String(status)])
  }
  expect(await k('get', '--raw', '/livez')).toBe('ok')
})
