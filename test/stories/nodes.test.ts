import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { standIn } from './book-images.ts'
import { createSandbox, eventually, isRoot } from './harness.ts'

const image = 'registry.k8s.io/echoserver:1.4'

// The slow one among the stories: a node is given up 40 seconds after its last sign of life, and nothing hurries that on real nodes.
describe.skipIf(!isRoot)('nodes that fail, come and go (needs root and kubectl)', () => {
  const sandbox = createSandbox()
  const { k } = sandbox
  const leases = async () =>
    Object.fromEntries(
      (await k('-n', 'kube-node-lease', 'get', 'leases', '-o', 'jsonpath={range .items[*]}{.spec.holderIdentity} {.spec.renewTime}{"\\n"}{end}'))
        .trim()
        .split('\n')
        .map((line) => line.split(' ') as [string, string]),
    )
  beforeAll(async () => {
    await sandbox.knarr('up')
    await standIn(sandbox, 'echoserver', image)
  })
  afterAll(() => sandbox.remove())

  it('starts the work of a node on another when its kubelet no longer says that it is alive (claims 110, 128)', async () => {
    await sandbox.apply(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: moved}
spec:
  selector: {matchLabels: {app: moved}}
  template:
    metadata: {labels: {app: moved}}
    spec:
      tolerations: [{key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 1}, {key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 1}]
      containers: [{name: main, image: '${image}'}]
`)
    await k('rollout', 'status', 'deployment/moved', '--timeout=30s')
    const first = await leases()
    expect(Object.keys(first)).toEqual(['knarr-control-plane', 'knarr-worker', 'knarr-worker2'])
    const placed = () =>
      k(
        'get',
        'pods',
        '-l',
        'app=moved',
        '--field-selector=status.phase=Running',
        '-o',
        'jsonpath={range .items[?(@.status.containerStatuses[0].ready==true)]}{.spec.nodeName} {end}',
      )
    const failed = (await placed()).trim()
    expect((await sandbox.knarr('node', 'stop', failed)).code).toBe(0)
    await eventually(placed, (nodes) => nodes.split(' ').some((node) => node !== '' && node !== failed), 'it runs elsewhere', 90_000)
    expect(await k('get', 'nodes', failed)).toContain('NotReady')
    const last = await leases()
    const alive = Object.keys(first).filter((node) => first[node] !== last[node])
    expect(alive).toEqual(Object.keys(first).filter((node) => node !== failed))
  })

  it('grows and shrinks by workers (claim 136)', async () => {
    expect((await sandbox.knarr('node', 'add', 'extra')).code).toBe(0)
    await k('wait', 'node/extra', '--for=condition=Ready', '--timeout=30s')
    expect((await sandbox.knarr('node', 'delete', 'extra')).code).toBe(0)
    expect((await sandbox.kubectl('get', 'node', 'extra')).stderr).toContain('nodes "extra" not found')
  })
})
