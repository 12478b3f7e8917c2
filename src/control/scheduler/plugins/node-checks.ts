import type { Taint } from '../../../base/api/generated/types.ts'
import { isTolerated } from '../../../base/machinery/node-matching.ts'
import { refuse, refuseForGood, scaleToMax, type SchedulerPlugin } from '../plugin.ts'
import type { HostPort } from '../snapshot.ts'

const cordonTaint: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }

export const nodeUnschedulable: SchedulerPlugin = {
  name: 'NodeUnschedulable',
  filter: ({ pod }) => {
    if (isTolerated(cordonTaint, pod.spec.tolerations)) return undefined
    return ({ node }) => (node.spec.unschedulable ? refuseForGood('node(s) were unschedulable') : undefined)
  },
}

export const nodeName: SchedulerPlugin = {
  name: 'NodeName',
  filter: ({ pod }) => {
    const wanted = pod.spec.nodeName
    return wanted ? ({ name }) => (name === wanted ? undefined : refuseForGood("node(s) didn't match the requested node name")) : undefined
  },
}

export const taintToleration: SchedulerPlugin = {
  name: 'TaintToleration',
  weight: 3,
  filter:
    ({ pod }) =>
    ({ node }) => {
      const keepsOut = (node.spec.taints ?? []).some((taint) => taint.effect !== 'PreferNoSchedule' && !isTolerated(taint, pod.spec.tolerations))
      return keepsOut ? refuseForGood('node(s) had untolerated taint(s)') : undefined
    },
  score: ({ pod }, _snapshot, feasible) => {
    const soft = (taint: Taint) => taint.effect === 'PreferNoSchedule'
    if (!feasible.some(({ node }) => node.spec.taints?.some(soft))) return undefined
    const tolerations = (pod.spec.tolerations ?? []).filter(({ effect }) => !effect || effect === 'PreferNoSchedule')
    return {
      of: ({ node }) => (node.spec.taints ?? []).filter((taint) => soft(taint) && !isTolerated(taint, tolerations)).length,
      normalize: (scores) => scaleToMax(scores, { reverse: true }),
    }
  },
}

const clashes = (a: HostPort, b: HostPort): boolean =>
  a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || a.ip === '0.0.0.0' || b.ip === '0.0.0.0')

export const nodePorts: SchedulerPlugin = {
  name: 'NodePorts',
  filter: ({ hostPorts }) => {
    if (hostPorts.length === 0) return undefined
    return ({ pods }) => {
      for (const other of pods.values()) {
        if (other.hostPorts.some((used) => hostPorts.some((wanted) => clashes(wanted, used))))
          return refuse("node(s) didn't have free ports for the requested pod ports")
      }
      return undefined
    }
  },
}
