import type { Reader } from '../context.ts'
import type { AdmissionPlugin } from './admission.ts'
import { defaultIngressClass } from './default-ingress-class.ts'
import { defaultTolerationSeconds } from './default-toleration-seconds.ts'
import { namespaceLifecycle } from './namespace-lifecycle.ts'
import { nodeRestriction } from './node-restriction.ts'
import { priority } from './priority.ts'
import { serviceAccountAdmission } from './service-account.ts'
import { serviceAllocatedValues } from './service-allocated-values.ts'
import { defaultStorageClass, persistentVolumeClaimResize, storageObjectInUseProtection } from './storage.ts'
import { taintNodesByCondition } from './taint-nodes-by-condition.ts'

/** In the order they run, which is upstream's. */
export const admissionPlugins = (reader: Reader): AdmissionPlugin[] => [
  namespaceLifecycle(reader),
  serviceAccountAdmission(reader),
  nodeRestriction(reader),
  taintNodesByCondition,
  priority(reader),
  defaultTolerationSeconds,
  defaultStorageClass(reader),
  storageObjectInUseProtection,
  persistentVolumeClaimResize(reader),
  defaultIngressClass(reader),
  serviceAllocatedValues,
]
