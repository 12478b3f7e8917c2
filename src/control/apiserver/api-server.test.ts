import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as kinds from '../../base/api/kinds.ts'
import type { Pod } from '../../base/api/generated/types.ts'
import type { KubeObject } from '../../base/api/object.ts'
import type { WatchEvent } from '../../base/client/client.ts'
import { createAsk } from './testing/ask.ts'
import { startTestServer, type TestServer } from './testing/test-server.ts'

let running: TestServer
beforeAll(async () => {
  running = await startTestServer()
})
afterAll(() => running.stop())

const container = { name: 'app', image: 'example/app' }
const pod = (name: string, spec: object = {}) => ({ metadata: { name, namespace: 'default' }, spec: { containers: [container], ...spec } })
const ref = (name: string) => ({ namespace: 'default', name })

const ask = createAsk(() => running.server)

describe('subresources of a Pod', () => {
  const merge = { method: 'PATCH', headers: { 'content-type': 'application/strategic-merge-patch+json' } }
  const post = (target: string, body: object) => ask(`/api/v1/namespaces/default/pods/${target}`, { method: 'POST', body })

  test('a binding names a node, and an assigned Pod stays where it is', async () => {
    await running.client.create(kinds.pods, pod('assigned'))
    expect((await post('assigned/binding', { metadata: { name: 'assigned' } })).body.message).toBe('Binding "assigned" is invalid: target.name: Required value')
    expect((await post('assigned/binding', { target: { kind: 'Pod', name: 'a' } })).body.message).toBe(
      'Binding "assigned" is invalid: target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>"',
    )
    expect((await post('assigned/binding', { target: { name: 'a' } })).status).toBe(201)
    const again = await post('assigned/binding', { target: { name: 'b' } })
    expect([again.status, again.body.message]).toEqual([
      409,
      'Operation cannot be fulfilled on pods/binding "assigned": pod assigned is already assigned to node "a"',
    ])
  })

  test('ephemeral containers are checked, added, and stand', async () => {
    await running.client.create(kinds.pods, pod('debugged'))
    const target = '/api/v1/namespaces/default/pods/debugged/ephemeralcontainers'
    const add = (...ephemeralContainers: object[]) => ask(target, { ...merge, body: { spec: { ephemeralContainers } } })
    const refusals: [object, string][] = [
      [{ name: 'e' }, 'spec.ephemeralContainers[0].image: Required value'],
      [{ name: 'app', image: 'x' }, 'spec.ephemeralContainers[0].name: Duplicate value: "app"'],
      [{ name: 'e', image: 'x', targetContainerName: 'no' }, 'spec.ephemeralContainers[0].targetContainerName: Not found: "no"'],
      [{ name: 'e', image: 'x', ports: [{ containerPort: 1 }] }, 'spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container'],
    ]
    for (const [container, fault] of refusals) {
      const { status, body } = await add(container)
      expect([status, body.message]).toEqual([422, `Pod "debugged" is invalid: ${fault}`])
    }
    expect((await add({ name: 'e', image: 'x', targetContainerName: 'app' })).body.spec.ephemeralContainers).toMatchObject([{ name: 'e' }])
    expect((await add({ name: 'second', image: 'x' })).body.spec.ephemeralContainers).toHaveLength(2)
    expect((await add({ name: 'e', image: 'y' })).body.message).toContain('existing ephemeral containers "e" may not be changed')
    const put = { ...merge, headers: { 'content-type': 'application/merge-patch+json' } }
    expect((await ask(target, { ...put, body: { spec: { ephemeralContainers: [] } } })).body.message).toContain('may not be removed')
  })

  test('an eviction names the Pod of its path', async () => {
    await running.client.create(kinds.pods, pod('evicted'))
    expect((await post('evicted/eviction', { metadata: { name: 'other' } })).body.message).toBe('name in URL does not match name in Eviction object')
  })
})

describe('wrong input', () => {
  test('a deletion with options of the wrong type deletes nothing', async () => {
    const target = '/api/v1/namespaces/default/configmaps/kept'
    await running.client.create(kinds.configMaps, { metadata: { name: 'kept', namespace: 'default' } })
    expect((await ask(target, { method: 'DELETE', body: { gracePeriodSeconds: 'a' } })).status).toBe(400)
    expect((await ask(target)).status).toBe(200)
  })

  test('a ConfigMap may have keys that JavaScript objects inherit', async () => {
    const body = '{"metadata":{"name":"odd"},"data":{"__proto__":"a","constructor":"b"}}'
    expect((await ask('/api/v1/namespaces/default/configmaps', { method: 'POST', body })).status).toBe(201)
    expect(Object.keys((await ask('/api/v1/namespaces/default/configmaps/odd')).body.data)).toEqual(['__proto__', 'constructor'])
  })

  test('YAML that contains itself is refused, and an alias is a copy', async () => {
    const post = (data: string) => {
      const body = `metadata: { name: yaml }\nrevision: 1\ndata: ${data}`
      return ask('/apis/apps/v1/namespaces/default/controllerrevisions', { method: 'POST', headers: { 'content-type': 'application/yaml' }, body })
    }
    expect((await post('&a { x: *a }')).status).toBe(400)
    expect((await post('{ x: &a [1], y: *a }')).body.data).toEqual({ x: [1], y: [1] })
  })

  test('a collection is neither replaced nor patched', async () => {
    const target = '/api/v1/namespaces/default/configmaps'
    const patch = { method: 'PATCH', headers: { 'content-type': 'application/merge-patch+json' }, body: {} }
    expect((await ask(target, { method: 'PUT', body: { metadata: { name: 'a' } } })).status).toBe(405)
    expect((await ask(target, patch)).status).toBe(405)
  })

  test('the list of groups has no holes', async () => {
    expect((await ask('/apis')).body.groups.every((group: { name?: string } | null) => group?.name)).toBe(true)
  })
})

test('a generated name is there before defaults, admission and strategy look', async () => {
  const names: string[] = []
  const own = await startTestServer({ admission: () => [{ name: 'Names', admit: ({ object }) => void names.push(object?.metadata.name ?? '') }] })
  const made = await own.client.create(kinds.configMaps, { metadata: { generateName: 'gen-', namespace: 'default' } } as never)
  expect(made.metadata.name).toMatch(/^gen-[a-z0-9]{5}$/)
  expect(names.at(-1)).toBe(made.metadata.name)
  await own.stop()
})

describe('objects', () => {
  test('are created, read, listed and deleted through loopback', async () => {
    const { client } = running
    const created = await client.create(kinds.pods, { ...pod('one'), metadata: { name: 'one', namespace: 'default', labels: { app: 'one' } } })
    expect(created).toMatchObject({ kind: 'Pod', apiVersion: 'v1', metadata: { name: 'one' }, spec: { serviceAccountName: 'default' } })
    expect(await client.get(kinds.pods, ref('one'))).toEqual(created)
    expect((await client.list(kinds.pods, { labelSelector: 'app=one' })).items).toEqual([created])
    await client.delete(kinds.pods, ref('one'))
    await expect(client.get(kinds.pods, ref('one'))).rejects.toThrow('pods "one" not found')
  })

  test('read over the wire as they read through loopback', async () => {
    const { client } = running
    await client.create(kinds.configMaps, { metadata: { name: 'same', namespace: 'default' }, data: { a: '1' } })
    const { body } = await ask('/api/v1/namespaces/default/configmaps/same')
    expect(body).toEqual(await client.get(kinds.configMaps, ref('same')))
    const list = await ask('/api/v1/configmaps?fieldSelector=metadata.name%3Dsame')
    expect(list.body).toMatchObject({ kind: 'ConfigMapList', apiVersion: 'v1', items: [body] })
  })

  test("refuse a stale update with upstream's words, and make no revision of a write that changes nothing", async () => {
    const { client } = running
    const first = await client.create(kinds.configMaps, { metadata: { name: 'cas', namespace: 'default' }, data: { a: '1' } })
    const second = await client.update(kinds.configMaps, { ...first, data: { a: '2' } })
    await expect(client.update(kinds.configMaps, { ...first, data: { a: '3' } })).rejects.toMatchObject({
      code: 409,
      message: 'Operation cannot be fulfilled on configmaps "cas": the object has been modified; please apply your changes to the latest version and try again',
    })
    expect(await client.update(kinds.configMaps, second)).toEqual(second)
  })

  test('take a generated name, and keep a second creation out', async () => {
    const { client } = running
    const created = await client.create(kinds.configMaps, { metadata: { generateName: 'gen-', namespace: 'default' } })
    expect(created.metadata.name).toMatch(/^gen-[a-z0-9]{5}$/)
    await expect(client.create(kinds.configMaps, { metadata: ref(created.metadata.name) })).rejects.toMatchObject({ code: 409, reason: 'AlreadyExists' })
  })

  test('are listed in pages that show one revision', async () => {
    const { client } = running
    for (const name of ['a', 'b', 'c']) await client.create(kinds.secrets, { metadata: { name, namespace: 'kube-public' }, type: 'Opaque' })
    const first = await client.list(kinds.secrets, { namespace: 'kube-public', limit: 2 })
    expect(first.metadata.remainingItemCount).toBe(1)
    await client.create(kinds.secrets, { metadata: { name: 'd', namespace: 'kube-public' }, type: 'Opaque' })
    const rest = await client.list(kinds.secrets, { namespace: 'kube-public', limit: 2, continue: first.metadata.continue })
    expect([...first.items, ...rest.items].map(({ metadata }) => metadata.name)).toEqual(['a', 'b', 'c'])
    expect(rest.metadata.resourceVersion).toBe(first.metadata.resourceVersion)
  })

  test('dry runs leave nothing behind', async () => {
    const answered = await ask('/api/v1/namespaces/default/services?dryRun=All', {
      method: 'POST',
      body: { metadata: { name: 'dry' }, spec: { ports: [{ port: 80 }] } },
    })
    expect(answered.status).toBe(201)
    expect((await ask('/api/v1/namespaces/default/services/dry')).status).toBe(404)
  })
})

describe('deletion', () => {
  test('gives a running Pod its grace period, which a second one may shorten to nothing', async () => {
    const { client } = running
    await client.create(kinds.pods, pod('graceful', { nodeName: 'n1' }))
    await client.delete(kinds.pods, ref('graceful'))
    expect((await client.get(kinds.pods, ref('graceful'))).metadata.deletionGracePeriodSeconds).toBe(30)
    await client.delete(kinds.pods, ref('graceful'), { gracePeriodSeconds: 0 })
    await expect(client.get(kinds.pods, ref('graceful'))).rejects.toMatchObject({ code: 404 })
  })

  test('waits for finalizers, and ends with the last one', async () => {
    const { client } = running
    await client.create(kinds.configMaps, { metadata: { ...ref('held'), finalizers: ['example.com/hold'] } })
    await client.delete(kinds.configMaps, ref('held'))
    const held = await client.get(kinds.configMaps, ref('held'))
    expect(held.metadata.deletionTimestamp).toBeDefined()
    await client.update(kinds.configMaps, { ...held, metadata: { ...held.metadata, finalizers: [] } })
    await expect(client.get(kinds.configMaps, ref('held'))).rejects.toMatchObject({ code: 404 })
  })

  test('in the foreground leaves a finalizer for the garbage collector', async () => {
    const { client } = running
    await client.create(kinds.configMaps, { metadata: ref('fore') })
    await client.delete(kinds.configMaps, ref('fore'), { propagationPolicy: 'Foreground' })
    expect((await client.get(kinds.configMaps, ref('fore'))).metadata.finalizers).toEqual(['foregroundDeletion'])
  })

  test('with another uid is refused', async () => {
    await expect(running.client.delete(kinds.configMaps, ref('cas'), { preconditions: { uid: 'other' } })).rejects.toMatchObject({ code: 409 })
  })

  test('answers a Status with details', async () => {
    await running.client.create(kinds.configMaps, { metadata: ref('gone') })
    const { body } = await ask('/api/v1/namespaces/default/configmaps/gone', { method: 'DELETE' })
    expect(body).toMatchObject({ kind: 'Status', status: 'Success', details: { name: 'gone', kind: 'configmaps' } })
  })
})

describe('watches', () => {
  const collect = async (events: AsyncIterable<WatchEvent>, count: number): Promise<WatchEvent[]> => {
    const seen: WatchEvent[] = []
    for await (const event of events) if (seen.push(event) === count) break
    return seen
  }
  const brief = ({ type, object }: WatchEvent) => `${type} ${object.metadata.name}`

  test('show every change after a revision, and what leaves or joins the selection', async () => {
    const { client } = running
    const { metadata } = await client.list(kinds.configMaps)
    const abort = new AbortController()
    const all = collect(client.watch(kinds.configMaps, { resourceVersion: metadata.resourceVersion, signal: abort.signal }), 3)
    const some = collect(client.watch(kinds.configMaps, { labelSelector: 'on=yes', resourceVersion: metadata.resourceVersion, signal: abort.signal }), 2)
    const object = await client.create(kinds.configMaps, { metadata: { ...ref('seen'), labels: { on: 'yes' } } })
    await client.update(kinds.configMaps, { ...object, metadata: { ...object.metadata, labels: {} } })
    await client.delete(kinds.configMaps, ref('seen'))
    expect((await all).map(brief)).toEqual(['ADDED seen', 'MODIFIED seen', 'DELETED seen'])
    expect((await some).map(brief)).toEqual(['ADDED seen', 'DELETED seen'])
    abort.abort()
  })

  test('without a revision begin with what is there', async () => {
    const abort = new AbortController()
    const events = await collect(running.client.watch(kinds.namespaces, { signal: abort.signal }), 4)
    expect(events.map(brief)).toEqual(['default', 'kube-node-lease', 'kube-public', 'kube-system'].map((name) => `ADDED ${name}`))
    abort.abort()
  })

  test('say where the initial events end', async () => {
    const abort = new AbortController()
    const query = 'watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'
    const { response } = await ask(`/api/v1/namespaces?${query}`, { signal: abort.signal })
    const lines: { type: string; object: KubeObject }[] = []
    for await (const line of response.stream!) if (lines.push(JSON.parse(line.toString()) as (typeof lines)[number]) === 5) break
    expect(lines[4]).toMatchObject({ type: 'BOOKMARK', object: { kind: 'Namespace', metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } } })
    abort.abort()
  })
})

describe('subresources', () => {
  test('bind a Pod once', async () => {
    const { client } = running
    const created = await client.create(kinds.pods, pod('bound'))
    await client.update(kinds.pods, { ...created, status: { ...created.status, nominatedNodeName: 'n2' } }, { subresource: 'status' })
    const binding = { target: { kind: 'Node', name: 'n1' } }
    await client.createSubresource(kinds.pods, ref('bound'), 'binding', binding)
    const bound = await client.get(kinds.pods, ref('bound'))
    expect([bound.spec.nodeName, bound.status.nominatedNodeName]).toEqual(['n1', undefined])
    await expect(client.createSubresource(kinds.pods, ref('bound'), 'binding', binding)).rejects.toMatchObject({
      code: 409,
      message: 'Operation cannot be fulfilled on pods/binding "bound": pod bound is already assigned to node "n1"',
    })
  })

  test('of status change nothing else', async () => {
    const { client } = running
    const before = await client.create(kinds.pods, pod('stat'))
    const asked = { ...before, spec: { ...before.spec, nodeName: 'x' }, status: { phase: 'Running' } } as unknown as Pod
    const after = await client.update(kinds.pods, asked, { subresource: 'status' })
    expect([after.status?.phase, after.spec.nodeName]).toEqual(['Running', before.spec.nodeName])
  })

  test('of scale set the replicas', async () => {
    const { client } = running
    const template = { metadata: { labels: { app: 'w' } }, spec: { containers: [container] } }
    await client.create(kinds.deployments, { metadata: ref('w'), spec: { selector: { matchLabels: { app: 'w' } }, template } })
    const patch = { spec: { replicas: 3 } }
    const scale = await client.patch(kinds.deployments, ref('w'), patch, { type: 'merge', subresource: 'scale' })
    expect(scale).toMatchObject({ kind: 'Scale', spec: { replicas: 3 }, status: { selector: 'app=w' } })
    expect((await client.get(kinds.deployments, ref('w'))).spec?.replicas).toBe(3)
  })

  test('name the containers to choose from', async () => {
    await running.client.create(kinds.pods, pod('two', { containers: [container, { ...container, name: 'b' }] }))
    expect((await ask('/api/v1/namespaces/default/pods/two/log')).body.message).toBe('a container name must be specified for pod two, choose one of: [app b]')
    expect((await ask('/api/v1/namespaces/default/pods/two/log?container=x')).body.message).toBe('container x is not valid for pod two')
  })

  test('of containers on a node that is switched off say where nobody answers', async () => {
    const { client } = running
    const node = await client.create(kinds.nodes, { metadata: { name: 'off' } })
    const status = { addresses: [{ type: 'InternalIP', address: '192.0.2.7' }], daemonEndpoints: { kubeletEndpoint: { Port: 10250 } } }
    await client.update(kinds.nodes, { ...node, status }, { subresource: 'status' })
    await client.create(kinds.pods, pod('dark', { nodeName: 'off', containers: [container] }))
    expect((await ask('/api/v1/namespaces/default/pods/dark/log')).body.message).toBe(
      'Get "https://192.0.2.7:10250/containerLogs/default/dark/app": dial tcp 192.0.2.7:10250: connect: no route to host',
    )
    expect((await ask('/api/v1/namespaces/default/pods/dark/portforward')).body.message).toBe(
      'error dialing backend: dial tcp 192.0.2.7:10250: connect: no route to host',
    )
  })

  test('issue tokens that authenticate as the account while it stands', async () => {
    const { client, server } = running
    await client.create(kinds.serviceAccounts, { metadata: ref('bot') })
    const request = await client.createSubresource<{ status: { token: string } }>(kinds.serviceAccounts, ref('bot'), 'token', {
      spec: { expirationSeconds: 600 },
    })
    const verified = await server.tokens.verify(request.status.token)
    expect(verified?.user).toMatchObject({
      name: 'system:serviceaccount:default:bot',
      groups: expect.arrayContaining(['system:serviceaccounts:default']) as string[],
    })
    await client.delete(kinds.serviceAccounts, ref('bot'))
    expect(await server.tokens.verify(request.status.token)).toBeUndefined()
  })
})

describe('Services', () => {
  test('get an address and node ports, and give them back', async () => {
    const { client } = running
    const created = await client.create(kinds.services, { metadata: ref('web'), spec: { type: 'NodePort', ports: [{ port: 80 }] } })
    const address = created.spec!.clusterIP!
    expect(address).toMatch(/^10\.96\./)
    expect(created.spec!.ports![0]!.nodePort).toBeGreaterThanOrEqual(30_000)
    expect((await client.get(kinds.ipAddresses, { name: address })).spec?.parentRef).toMatchObject({ resource: 'services', namespace: 'default', name: 'web' })
    const again = { metadata: ref('web2'), spec: { clusterIP: address, ports: [{ port: 80 }] } }
    await expect(client.create(kinds.services, again)).rejects.toThrow(`failed to allocate IP ${address}: provided IP is already allocated`)
    await client.delete(kinds.services, ref('web'))
    expect((await client.create(kinds.services, again)).spec!.clusterIP).toBe(address)
  })
})

describe('refusals', () => {
  const anonymous = { name: 'system:anonymous', groups: ['system:unauthenticated'] }
  const post = (path: string, body: unknown, headers = {}) => ask(path, { method: 'POST', body, headers })

  test.each([
    ['an unknown resource', () => ask('/api/v1/nopes'), 404, 'the server could not find the requested resource'],
    ['a namespace that is absent', () => post('/api/v1/namespaces/absent/configmaps', { metadata: { name: 'x' } }), 404, 'namespaces "absent" not found'],
    [
      'an account that is absent',
      () => post('/api/v1/namespaces/kube-public/pods', { metadata: { name: 'x' }, spec: { containers: [container] } }),
      403,
      'pods "x" is forbidden: error looking up service account kube-public/default: serviceaccount "default" not found',
    ],
    ['an unknown field selector', () => ask('/api/v1/pods?fieldSelector=foo%3Dbar'), 400, 'field label not supported: foo'],
    ['bytes that are no JSON', () => post('/api/v1/namespaces/default/pods', '{'), 400, /json parse error/],
    ['a body of another kind', () => post('/api/v1/namespaces/default/pods', { kind: 'Service' }), 400, /Service in version "v1" cannot be handled as a Pod/],
    [
      'an apply in CBOR',
      () => ask('/api/v1/namespaces/default/configmaps/cas', { method: 'PATCH', body: {}, headers: { 'content-type': 'application/apply-patch+cbor' } }),
      415,
      /^the body of the request was in an unknown format - accepted media types include: application\/json-patch\+json/,
    ],
    [
      'a method that is not served',
      () => ask('/api/v1/namespaces/default/pods/x', { method: 'POST', body: {} }),
      405,
      'the server does not allow this method on the requested resource',
    ],
    [
      'an anonymous list',
      () => ask('/api/v1/namespaces/default/pods', { user: anonymous }),
      403,
      'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" in the namespace "default"',
    ],
    ['an anonymous path', () => ask('/apis', { user: anonymous }), 403, 'forbidden: User "system:anonymous" cannot get path "/apis"'],
    [
      'an unknown field, strictly',
      () => post('/api/v1/namespaces/default/configmaps?fieldValidation=Strict', { metadata: { name: 'x' }, foo: 1 }),
      400,
      /strict decoding error: unknown field "foo"/,
    ],
  ] as const)('%s', async (_, asked, status, message) => {
    const answer = await asked()
    expect([answer.status, answer.body.kind]).toEqual([status, 'Status'])
    expect(answer.body.message).toMatch(message)
  })

  test('of nothing that is public', async () => {
    for (const path of ['/healthz', '/livez', '/readyz?verbose', '/version']) expect((await ask(path, { user: anonymous })).status).toBe(200)
    expect((await ask('/api/v1/namespaces/kube-public/configmaps/cluster-info', { user: anonymous })).status).toBe(200)
  })

  test('an unknown field is only warned of', async () => {
    const { status, response } = await post('/api/v1/namespaces/default/configmaps', { metadata: { name: 'warned' }, foo: 1 })
    expect([status, response.headers?.['warning']]).toEqual([201, '299 - "unknown field \\"foo\\""'])
  })
})

test('tables have a row an object', async () => {
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json'
  const { body } = await ask('/api/v1/namespaces', { headers: { accept } })
  expect(body).toMatchObject({ kind: 'Table', apiVersion: 'meta.k8s.io/v1' })
  expect(body.columnDefinitions[0].name).toBe('Name')
  expect(body.rows.map(({ cells }: { cells: string[] }) => cells[0])).toEqual(['default', 'kube-node-lease', 'kube-public', 'kube-system'])
})
