import type { Node } from '../../generated/types.ts'
import { nodes } from '../../kinds.ts'
import { ageColumn, column, nameColumn, wide } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import { invalidAll, oneOf, required } from '../field.ts'
import { labelValue, qualifiedName } from '../names.ts'
import { none } from '../text.ts'

const statusText = (node: Node): string => {
  const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready')
  const state = ready ? (ready.status === 'True' ? 'Ready' : 'NotReady') : 'Unknown'
  return node.spec?.unschedulable ? `${state},SchedulingDisabled` : state
}

const rolePrefix = 'node-role.kubernetes.io/'

const rolesText = (node: Node): string => {
  const roles = Object.entries(node.metadata.labels ?? {}).flatMap(([key, value]) => {
    if (key.startsWith(rolePrefix)) return [key.slice(rolePrefix.length)].filter(Boolean)
    return key === 'kubernetes.io/role' && value ? [value] : []
  })
  return [...new Set(roles)].sort().join(',') || none
}

const addressText = (node: Node, type: string): string => node.status?.addresses?.find((address) => address.type === type)?.address ?? none
const infoText = (node: Node, field: 'osImage' | 'kernelVersion' | 'containerRuntimeVersion'): string => node.status?.nodeInfo?.[field] || '<unknown>'

export const node = defineResource<Node>({
  kind: nodes,
  subresources: ['status'],
  // A kubelet registers its node with what it found.
  firstStatus: 'sent',
  validate: (object) =>
    (object.spec?.taints ?? []).flatMap((taint, i) => [
      ...(taint.key ? invalidAll(`metadata.taints[${i}].key`, taint.key, qualifiedName(taint.key)) : [required(`metadata.taints[${i}].key`)]),
      ...invalidAll(`metadata.taints[${i}].value`, taint.value, labelValue(taint.value ?? '')),
      ...oneOf(`metadata.taints[${i}].effect`, taint.effect, ['NoSchedule', 'PreferNoSchedule', 'NoExecute']),
    ]),
  columns: [
    nameColumn,
    column('Status', statusText, { description: 'Whether the node is ready, and open for new Pods.' }),
    column('Roles', rolesText, { description: 'The roles of the node.' }),
    ageColumn,
    column('Version', (object) => object.status?.nodeInfo?.kubeletVersion ?? '', { description: 'The version of its kubelet.' }),
    wide('Internal-IP', (object) => addressText(object, 'InternalIP'), { description: 'Its address inside the cluster.' }),
    wide('External-IP', (object) => addressText(object, 'ExternalIP'), { description: 'Its address outside the cluster.' }),
    wide('OS-Image', (object) => infoText(object, 'osImage'), { description: 'Its operating system.' }),
    wide('Kernel-Version', (object) => infoText(object, 'kernelVersion'), { description: 'Its kernel.' }),
    wide('Container-Runtime', (object) => infoText(object, 'containerRuntimeVersion'), { description: 'What runs its containers.' }),
  ],
})
