import { createHash } from 'node:crypto'
import type { ContainerState, Pod, PodCondition, PodStatus } from '../../../base/api/generated/types.ts'
import type { Draft } from '../../../base/api/object.ts'
import { stampOf } from '../../../base/client/stamp.ts'
import type { Part, PartProcess, PartState } from './part.ts'

const mirrorAnnotation = 'kubernetes.io/config.mirror'
export const mirrorNamespace = 'kube-system'

export const isMirror = (pod: Pod): boolean => pod.metadata.annotations?.[mirrorAnnotation] !== undefined
export const mirrorName = (part: Pick<Part, 'name' | 'node'>): string => `${part.name}-${part.node}`

const hashOf = (part: Part): string =>
  createHash('md5')
    .update(JSON.stringify([part.name, part.image, part.command, part.labels]))
    .digest('hex')

/** Whether the Pod in the API still shows this part as it is. */
export const mirrors = (pod: Pod, part: Part): boolean => pod.metadata.annotations?.[mirrorAnnotation] === hashOf(part)

/** The API's picture of a static Pod. Deleting it ends nothing: the process goes on and the picture comes back. */
export const mirrorPod = (part: Part, options: { readonly nodeUid: string; readonly nowMs: number }): Draft<Pod> => {
  const hash = hashOf(part)
  return {
    metadata: {
      name: mirrorName(part),
      namespace: mirrorNamespace,
      labels: part.labels,
      annotations: {
        'kubernetes.io/config.hash': hash,
        [mirrorAnnotation]: hash,
        'kubernetes.io/config.seen': new Date(options.nowMs).toISOString(),
        'kubernetes.io/config.source': 'file',
      },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: part.node, uid: options.nodeUid, controller: true }],
    },
    spec: {
      containers: [
        { name: part.name, image: part.image, command: part.command, imagePullPolicy: 'IfNotPresent', resources: {}, terminationMessagePolicy: 'File' },
      ],
      hostNetwork: true,
      nodeName: part.node,
      priorityClassName: 'system-node-critical',
      restartPolicy: 'Always',
      tolerations: [{ effect: 'NoExecute', operator: 'Exists' }],
    },
  }
}

/** Its status, told from the process. `hostIP` is the node's address. */
export const mirrorStatus = (part: Part, state: PartState, options: { readonly pod: Pod; readonly hostIP: string; readonly nowMs: number }): PodStatus => {
  const { process, isRunning, last, restarts } = state
  const isReady = isRunning && state.isHealthy
  const { pod, hostIP, nowMs } = options
  return {
    phase: 'Running',
    conditions: conditionsOf(part, { isReady, before: pod.status?.conditions ?? [], nowMs }),
    hostIP,
    hostIPs: [{ ip: hostIP }],
    podIP: hostIP,
    podIPs: [{ ip: hostIP }],
    qosClass: 'BestEffort',
    startTime: stampOf(process.startedAtMs),
    containerStatuses: [
      {
        name: part.name,
        image: part.image,
        imageID: part.image,
        containerID: containerIdOf(process),
        ready: isReady,
        started: isRunning,
        restartCount: restarts,
        state: isRunning
          ? { running: { startedAt: stampOf(process.startedAtMs) } }
          : { waiting: { reason: 'CrashLoopBackOff', message: 'the process does not run' } },
        lastState: last ? endedState(last, process.startedAtMs) : {},
      },
    ],
  }
}

const scheme = 'knarr://'
const containerIdOf = ({ id }: PartProcess): string => `${scheme}${id}`

/** What a mirror Pod tells of its process; undefined where it has no status yet. */
export const toldState = (pod: Pod): Pick<PartState, 'process' | 'restarts'> | undefined => {
  const status = pod.status?.containerStatuses?.[0]
  if (!status?.containerID || !pod.status?.startTime) return undefined
  return { process: { id: status.containerID.slice(scheme.length), startedAtMs: Date.parse(pod.status.startTime) }, restarts: status.restartCount }
}

// Its parent is not this kubelet: how it ended is not known here.
const endedState = (process: PartProcess, endedMs: number): ContainerState => ({
  terminated: {
    containerID: containerIdOf(process),
    exitCode: 255,
    reason: 'Unknown',
    startedAt: stampOf(process.startedAtMs),
    finishedAt: stampOf(endedMs),
  },
})

const conditionsOf = (part: Part, options: { isReady: boolean; before: readonly PodCondition[]; nowMs: number }): PodCondition[] => {
  const { isReady, before, nowMs } = options
  const unready = { reason: 'ContainersNotReady', message: `containers with unready status: [${part.name}]` }
  return ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => {
    const holds = isReady || !type.endsWith('Ready')
    const status = holds ? 'True' : 'False'
    const old = before.find((condition) => condition.type === type)
    const lastTransitionTime = old?.status === status && old.lastTransitionTime ? old.lastTransitionTime : stampOf(nowMs)
    return { type, status, lastTransitionTime, ...(holds ? {} : unready) }
  })
}
