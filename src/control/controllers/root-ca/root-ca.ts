import { configMaps, namespaces } from '../../../base/api/kinds.ts'
import { isStatusError } from '../../../base/machinery/status-error.ts'
import { source, startController } from '../../../base/reconcile/controller.ts'
import { type Controller, machinery } from '../controller.ts'
import { keysOfChange } from '../lib/keys.ts'

const name = 'root-ca-cert-publisher'
const configMapName = 'kube-root-ca.crt'
const annotations = {
  'kubernetes.io/description':
    'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. ' +
    'No other usage is guaranteed across distributions of Kubernetes clusters.',
}

/** Puts the cluster's CA certificate into every namespace. */
export const rootCaController: Controller = {
  name,
  start(context) {
    const { client, settings } = context
    const all = context.informers.of(namespaces)
    const maps = context.informers.of(configMaps)
    const data = { 'ca.crt': settings.rootCA }
    return startController({
      ...machinery(context),
      name,
      sources: [
        source(all, keysOfChange),
        source(maps, ({ old, object }) => ((object ?? old)?.metadata.name === configMapName ? [(object ?? old)?.metadata.namespace ?? ''] : [])),
      ],
      async reconcile(namespace) {
        if (all.get(namespace)?.status?.phase === 'Terminating' || !all.get(namespace)) return
        const current = maps.get(`${namespace}/${configMapName}`)
        if (!current) await client.create(configMaps, { metadata: { name: configMapName, namespace, annotations }, data }).catch(unlessTerminating)
        else if (current.data?.['ca.crt'] !== settings.rootCA || Object.keys(current.data).length !== 1) await client.update(configMaps, { ...current, data })
      },
    })
  },
}

const unlessTerminating = (error: unknown): void => {
  if (!isStatusError(error, 'Forbidden') && !isStatusError(error, 'AlreadyExists') && !isStatusError(error, 'NotFound')) throw error
}
