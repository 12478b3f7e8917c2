import { configMaps } from '../../base/api/kinds.ts'
import type { Client } from '../../base/client/client.ts'
import { isStatusError } from '../../base/machinery/status-error.ts'
import { createImageStore } from '../../node/images/local-image-store.ts'
import { serveRegistry } from '../../node/images/serve/serve-registry.ts'
import type { RoleContext } from './role.ts'

/** Serves the image store on the machine's loopback, and says where in the way that development tools look for it. */
export async function serveImages(context: RoleContext, client: Client): Promise<void> {
  const { profile, paths, clock, log, signal } = context
  if (profile.registryPort === undefined) return
  const store = await createImageStore({ directory: paths.images, log, nodeExecutable: process.execPath, registriesFile: paths.registries, clock })
  void store.layout.clearLeftovers({ keepsParts: true }).catch((error: unknown) => log.warn({ err: error }, 'what was left half made of images is still there'))
  try {
    const { port } = await serveRegistry({ store, port: profile.registryPort, clock, log, signal })
    await announce(client, `localhost:${port}`)
    log.info({ port }, 'the image store is served as a registry')
  } catch (error) {
    // The cluster works without it; the next `up` takes a free port.
    log.warn({ err: error, port: profile.registryPort }, 'the image store is not served as a registry')
  }
}

/** KEP-1755: communicating a local registry. The kubelet reads the store itself, so all names of the registry are one. */
async function announce(client: Client, host: string): Promise<void> {
  const hosting = {
    host,
    hostFromContainerRuntime: host,
    help: 'https://github.com/kubernetes/enhancements/tree/master/keps/sig-cluster-lifecycle/generic/1755-communicating-a-local-registry',
  }
  const text = Object.entries(hosting).map(([key, value]) => `${key}: "${value}"\n`)
  const object = { metadata: { name: 'local-registry-hosting', namespace: 'kube-public' }, data: { 'localRegistryHosting.v1': text.join('') } }
  try {
    await client.create(configMaps, object)
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error
    await client.update(configMaps, object)
  }
}
