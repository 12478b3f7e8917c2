// Apply by the real kubectl: on the server, from the client, from one to the other, with pruning and with sets.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createSandbox } from './harness.ts'

const sandbox = createSandbox()
const { k, kubectl, run, environment } = sandbox
const folder = mkdtempSync(join(tmpdir(), 'knarr-apply-'))

beforeAll(async () => {
  const answer = await sandbox.knarr('up')
  if (answer.code !== 0) throw new Error(answer.stdout + answer.stderr)
}, 60_000)
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await sandbox.remove()
}, 60_000)

const deployment = (name: string, { replicas = 1, image = 'nowhere.invalid/app:1' } = {}) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, labels: { app: name } },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'app', image, ports: [{ containerPort: 80 }] }] } },
  },
})
const configMap = (name: string, labels: object = {}) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels }, data: { a: '1' } })
const applyWith = (object: object, ...flags: string[]) => run('kubectl', ['apply', ...flags, '-f', '-'], JSON.stringify(object))
const serverSide = (object: object, ...flags: string[]) => applyWith(object, '--server-side', ...flags)

/** Who owns the object's fields: `manager operation subresource`. */
async function managers(kind: string, name: string): Promise<string[]> {
  const { metadata } = JSON.parse(await k('get', kind, name, '-o', 'json', '--show-managed-fields')) as {
    metadata: { managedFields?: { manager: string; operation: string; subresource?: string }[] }
  }
  return (metadata.managedFields ?? []).map(({ manager, operation, subresource = '' }) => `${manager} ${operation} ${subresource}`.trim())
}

test('a server-side apply creates, and the next one changes', async () => {
  expect((await serverSide(deployment('web'))).stdout).toBe('deployment.apps/web serverside-applied\n')
  expect((await serverSide(deployment('web', { replicas: 2 }))).code).toBe(0)
  expect(await k('get', 'deployment', 'web', '-o', 'jsonpath={.spec.replicas}')).toBe('2')
  expect(await managers('deployment', 'web')).toContain('kubectl Apply')
  expect(await k('get', 'deployment', 'web', '-o', 'yaml')).not.toContain('managedFields')
})

test('two managers who want different values conflict, and force settles it', async () => {
  const refused = await serverSide(deployment('web', { replicas: 3 }), '--field-manager=other')
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain('Apply failed with 1 conflict: conflict with "kubectl": .spec.replicas')
  expect((await serverSide(deployment('web', { replicas: 3 }), '--field-manager=other', '--force-conflicts')).code).toBe(0)
  await k('scale', 'deployment', 'web', '--replicas=4')
  const scaled = await serverSide(deployment('web', { replicas: 3 }), '--field-manager=other')
  expect(scaled.stderr).toContain('conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas')
})

test('a diff shows what an apply would do, and a dry run does nothing', async () => {
  const file = join(folder, 'web.json')
  writeFileSync(file, JSON.stringify(deployment('web', { image: 'nowhere.invalid/app:2' })))
  const { code, stdout } = await kubectl('diff', '--server-side', '--force-conflicts', '-f', file)
  expect(code).toBe(1)
  expect(stdout).toMatch(/\n-\s+- image: nowhere.invalid\/app:1|\n-\s+image: nowhere.invalid\/app:1/)
  await k('apply', '--server-side', '--force-conflicts', '--dry-run=server', '-f', file)
  expect(await k('get', 'deployment', 'web', '-o', 'jsonpath={..image}')).toBe('nowhere.invalid/app:1')
})

test('what was applied from the client goes on on the server without a conflict', async () => {
  expect((await applyWith(deployment('moved'))).stdout).toBe('deployment.apps/moved created\n')
  expect(await managers('deployment', 'moved')).toContain('kubectl-client-side-apply Update')
  expect(await serverSide(deployment('moved', { replicas: 2 }))).toMatchObject({ code: 0, stdout: 'deployment.apps/moved serverside-applied\n' })
  expect(await managers('deployment', 'moved')).not.toContain('kubectl-client-side-apply Update')
  expect((await applyWith(deployment('moved', { replicas: 2 }))).stdout).toContain('deployment.apps/moved')
})

test('an unknown field and a missing manager are refused', async () => {
  expect((await serverSide({ ...configMap('odd'), dada: 1 })).stderr).toContain('.dada: field not declared in schema')
  const bare = await run('kubectl', ['apply', '--server-side', '--field-manager=', '-f', '-'], JSON.stringify(configMap('odd')))
  expect(bare.stderr).toContain('fieldManager: Required value: is required for apply patch')
})

test('pruning takes away what is no longer in the files, by label and by set', async () => {
  const [first, second] = [join(folder, 'first.json'), join(folder, 'second.json')]
  writeFileSync(first, JSON.stringify(configMap('one', { app: 'pruned' })))
  writeFileSync(second, JSON.stringify(configMap('two', { app: 'pruned' })))
  await k('apply', '-f', first, '-f', second)
  expect(await k('apply', '--prune', '-l', 'app=pruned', '-f', first)).toContain('configmap/two pruned')
  const inSet = (...files: string[]) =>
    run('env', [
      'KUBECTL_APPLYSET=true',
      'kubectl',
      'apply',
      '--server-side',
      '--force-conflicts',
      '--prune',
      '--applyset=mine',
      '-n',
      'default',
      ...files.flatMap((file) => ['-f', file]),
    ])
  expect((await inSet(first, second)).stderr).not.toContain('error')
  expect((await inSet(second)).stdout).toContain('configmap/one pruned')
  expect(environment['KUBECTL_APPLYSET']).toBeUndefined()
})

test("the cluster's own components own what they write", async () => {
  expect(await managers('deployment', 'web')).toContain('kube-controller-manager Update status')
  const [node = ''] = (await k('get', 'nodes', '-o', 'jsonpath={.items[*].metadata.name}')).split(' ')
  expect(await managers('node', node)).toContain('kubelet Update')
})
