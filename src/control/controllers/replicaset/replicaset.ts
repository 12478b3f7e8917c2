import { replicaSets } from '../../../base/api/kinds.ts'
import { createReplicaController } from './replica-controller.ts'

/** Keeps as many Pods as a ReplicaSet wants. */
export const replicaSetController = createReplicaController({
  name: 'replicaset-controller',
  kind: replicaSets,
  selectorOf: ({ spec }) => spec.selector,
  reportsTerminating: true,
})
