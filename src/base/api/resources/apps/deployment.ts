import type { Deployment, DeploymentSpec } from '../../generated/types.ts'
import { deployments } from '../../kinds.ts'
import type { Mutable } from '../../object.ts'
import type { FieldFault } from '../../resource.ts'
import { ageColumn, column, nameColumn, wide } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import { forbidden, invalid, nonNegative, notSupported, required } from '../field.ts'
import { defaultPodTemplate } from '../pod-defaults.ts'
import { selectorText, templateColumns } from '../text.ts'
import { isZero, selectorKept, validateIntOrPercent, validateWorkload } from './workload.ts'

const defaultDeployment = ({ spec }: Mutable<Deployment>): void => {
  if (!spec) return
  spec.replicas ??= 1
  spec.strategy ??= {}
  spec.strategy.type ||= 'RollingUpdate'
  if (spec.strategy.type === 'RollingUpdate') {
    spec.strategy.rollingUpdate ??= {}
    spec.strategy.rollingUpdate.maxUnavailable ??= '25%'
    spec.strategy.rollingUpdate.maxSurge ??= '25%'
  }
  spec.revisionHistoryLimit ??= 10
  spec.progressDeadlineSeconds ??= 600
  defaultPodTemplate(spec.template)
}

const validateStrategy = ({ strategy }: DeploymentSpec): FieldFault[] => {
  const at = 'spec.strategy'
  const { type, rollingUpdate } = strategy ?? {}
  if (type === 'Recreate') return rollingUpdate ? [forbidden(`${at}.rollingUpdate`, "may not be specified when strategy `type` is 'Recreate'")] : []
  if (type !== 'RollingUpdate') return [notSupported(`${at}.type`, type ?? '', ['Recreate', 'RollingUpdate'])]
  if (!rollingUpdate) return [required(`${at}.rollingUpdate`, 'this should be defaulted and never be nil')]
  const { maxUnavailable, maxSurge } = rollingUpdate
  return [
    ...validateIntOrPercent(maxUnavailable, `${at}.rollingUpdate.maxUnavailable`),
    ...(typeof maxSurge === 'string' && /^\d+%$/.test(maxSurge) ? [] : validateIntOrPercent(maxSurge, `${at}.rollingUpdate.maxSurge`)),
    ...(isZero(maxUnavailable) && isZero(maxSurge) ? [invalid(`${at}.rollingUpdate.maxUnavailable`, maxUnavailable, 'may not be 0 when `maxSurge` is 0')] : []),
  ]
}

const validateDeployment = ({ spec }: Deployment, old?: Deployment): FieldFault[] => {
  const { progressDeadlineSeconds: deadline, minReadySeconds = 0 } = spec
  return [
    ...nonNegative('spec.replicas', spec.replicas),
    ...validateWorkload(spec, 'deployment'),
    ...validateStrategy(spec),
    ...nonNegative('spec.minReadySeconds', minReadySeconds),
    ...nonNegative('spec.revisionHistoryLimit', spec.revisionHistoryLimit),
    ...nonNegative('spec.progressDeadlineSeconds', deadline),
    ...(deadline !== undefined && deadline <= minReadySeconds
      ? [invalid('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds')]
      : []),
    ...selectorKept(spec, old?.spec),
  ]
}

export const deployment = defineResource<Deployment>({
  kind: deployments,
  subresources: ['status', 'scale'],
  hasGeneration: true,
  defaults: defaultDeployment,
  validate: validateDeployment,
  columns: [
    nameColumn,
    column('Ready', ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 0}`, {
      description: 'How many Pods are ready, of how many wanted.',
    }),
    column('Up-to-date', ({ status }) => status?.updatedReplicas ?? 0, { type: 'integer', description: 'How many Pods have the present template.' }),
    column('Available', ({ status }) => status?.availableReplicas ?? 0, { type: 'integer', description: 'How many Pods have been ready for long enough.' }),
    ageColumn,
    ...templateColumns<Deployment>(({ spec }) => spec.template),
    wide('Selector', ({ spec }) => selectorText(spec.selector), { description: 'What selects its Pods.' }),
  ],
})
