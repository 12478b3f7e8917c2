import { replicationControllers } from '../../../base/api/kinds.ts'
import { createReplicaController } from './replica-controller.ts'

/** Keeps as many Pods as a ReplicationController wants: the forerunner of the ReplicaSet, with a plain map as its selector. */
export const replicationController = createReplicaController({
  name: 'replication-controller',
  kind: replicationControllers,
  selectorOf: ({ spec }) => (spec.selector ? { matchLabels: spec.selector } : undefined),
  reportsTerminating: false,
})
