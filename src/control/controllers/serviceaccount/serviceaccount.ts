import { namespaces, serviceAccounts } from '../../../base/api/kinds.ts'
import { isStatusError } from '../../../base/machinery/status-error.ts'
import { source, startController } from '../../../base/reconcile/controller.ts'
import { type Controller, machinery } from '../controller.ts'
import { keysOfChange } from '../lib/keys.ts'

const name = 'service-account-controller'

/** Keeps a ServiceAccount `default` in every namespace. */
export const serviceAccountController: Controller = {
  name,
  start(context) {
    const all = context.informers.of(namespaces)
    const accounts = context.informers.of(serviceAccounts)
    return startController({
      ...machinery(context),
      name,
      sources: [source(all, keysOfChange), source(accounts, ({ old, object }) => (object ? [] : [old?.metadata.namespace ?? '']))],
      async reconcile(key) {
        const namespace = all.get(key)
        if (!namespace || namespace.status?.phase === 'Terminating' || accounts.get(`${key}/default`)) return
        await context.client.create(serviceAccounts, { metadata: { name: 'default', namespace: key } }).catch((error: unknown) => {
          if (!isStatusError(error, 'AlreadyExists') && !isStatusError(error, 'Forbidden')) throw error
        })
      },
    })
  },
}
