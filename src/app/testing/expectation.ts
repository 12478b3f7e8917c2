import type { KubeObject } from '../../base/api/object.ts'

/**
 * What to wait for. `available`: a workload runs in its newest form with all replicas available. `ready`: a Pod or node is Ready.
 * `condition`: `Progressing`, `Ready=False` or `Complete`, in the object's `status.conditions`. A function decides for itself.
 */
export type Expectation<T extends KubeObject = KubeObject> =
  | { readonly available: true }
  | { readonly ready: true }
  | { readonly condition: string }
  | { readonly deleted: true }
  | ((object: T) => boolean)

interface Status {
  readonly observedGeneration?: number
  readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason?: string; readonly message?: string }[]
  readonly [count: string]: unknown
}

interface Workload {
  readonly spec?: { readonly replicas?: number }
  readonly status?: Status
}

const statusOf = (object: KubeObject): Status => (object as Workload).status ?? {}
const wantedReplicas = (object: KubeObject): number => (object as Workload).spec?.replicas ?? 1
const count = (status: Status, field: string): number => (status[field] as number | undefined) ?? 0

/** When a workload of each kind has all its replicas available in their newest form, as `kubectl rollout status` judges. */
const isAvailable: Readonly<Record<string, (object: KubeObject, status: Status) => boolean>> = {
  Deployment: (object, status) =>
    areAll(wantedReplicas(object), [count(status, 'updatedReplicas'), count(status, 'replicas'), count(status, 'availableReplicas')]),
  ReplicaSet: (object, status) => areAll(wantedReplicas(object), [count(status, 'availableReplicas')]),
  StatefulSet: (object, status) => areAll(wantedReplicas(object), [count(status, 'updatedReplicas'), count(status, 'availableReplicas')]),
  DaemonSet: (_, status) => areAll(count(status, 'desiredNumberScheduled'), [count(status, 'updatedNumberScheduled'), count(status, 'numberAvailable')]),
}

const areAll = (wanted: number, counts: readonly number[]): boolean => counts.every((each) => each === wanted)

/** Whether `object` (undefined: it is not there) is as expected. */
export function isAsExpected<T extends KubeObject>(object: T | undefined, expectation: Expectation<T>): boolean {
  if (typeof expectation !== 'function' && 'deleted' in expectation) return object === undefined
  if (object === undefined) return false
  if (typeof expectation === 'function') return expectation(object)
  if ('condition' in expectation) return hasCondition(object, expectation.condition)
  if ('ready' in expectation) return hasCondition(object, 'Ready')
  const status = statusOf(object)
  const judge = isAvailable[object.kind]
  if (!judge) return hasCondition(object, 'Available')
  return (status.observedGeneration ?? 0) >= (object.metadata.generation ?? 0) && judge(object, status)
}

function hasCondition(object: KubeObject, wanted: string): boolean {
  const [type, value = 'True'] = wanted.split('=')
  return statusOf(object).conditions?.some((condition) => condition.type === type && condition.status === value) ?? false
}

/** The expectation in words, for an error: `is not available`. */
export function wordsOf(expectation: Expectation<never>): string {
  if (typeof expectation === 'function') return 'was not as the test expects'
  if ('deleted' in expectation) return 'was not deleted'
  if ('condition' in expectation) return `did not have the condition ${expectation.condition}`
  return 'ready' in expectation ? 'did not become ready' : 'did not become available'
}

/** What an object says of itself, a line a fact. */
export function factsOf(object: KubeObject | undefined): readonly string[] {
  if (!object) return ['it is not there']
  const { conditions = [], phase, ...rest } = statusOf(object)
  const counts = Object.entries(rest).filter(([, value]) => typeof value === 'number')
  return [
    ...(object.metadata.deletionTimestamp
      ? [`deleted at ${object.metadata.deletionTimestamp}, finalizers: ${object.metadata.finalizers?.join(', ') || 'none'}`]
      : []),
    ...(typeof phase === 'string' ? [`phase: ${phase}`] : []),
    ...(counts.length > 0 ? [counts.map(([name, value]) => `${name}: ${String(value)}`).join(', ')] : []),
    ...conditions.map(({ type, status, reason, message }) => `${type}=${status}${reason ? ` ${reason}` : ''}${message ? `: ${message}` : ''}`),
  ]
}
