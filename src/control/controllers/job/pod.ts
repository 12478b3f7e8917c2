import type { Container, Job, Pod } from '../../../base/api/generated/types.ts'
import type { Draft } from '../../../base/api/object.ts'
import { podFromTemplate } from '../lib/pod-control.ts'
import { indexFailureAnnotation } from './failure-policy.ts'
import { indexAnnotation } from './indexes.ts'
import { trackingFinalizer } from './observe.ts'
import type { NewPod } from './pods-wanted.ts'

// Names end in a dash and five characters.
const longestPrefix = 63 - 6

/** A Pod of a Job; one with a completion index carries it in annotation, label, hostname and environment. */
export const podFor = (job: Job, { index, failures }: NewPod): Draft<Pod> => {
  const { labels, annotations, finalizers = [] } = job.spec.template.metadata ?? {}
  const metadata = { labels, annotations, finalizers: [...finalizers, trackingFinalizer] }
  if (index === undefined) return podFromTemplate(job, job.spec.template, metadata)
  const draft = podFromTemplate(job, job.spec.template, {
    ...metadata,
    generateName: `${`${job.metadata.name}-${index}`.slice(0, longestPrefix)}-`,
    labels: { ...labels, [indexAnnotation]: String(index) },
    annotations: {
      ...annotations,
      [indexAnnotation]: String(index),
      ...(job.spec.backoffLimitPerIndex === undefined ? {} : { [indexFailureAnnotation]: String(failures) }),
    },
  })
  const spec = job.spec.template.spec
  return {
    ...draft,
    spec: {
      ...spec,
      hostname: `${job.metadata.name}-${index}`.slice(0, 63),
      containers: spec?.containers.map(withIndex),
      ...(spec?.initContainers ? { initContainers: spec.initContainers.map(withIndex) } : {}),
    } as Draft<Pod['spec']>,
  }
}

const withIndex = (container: Container): Container =>
  container.env?.some(({ name }) => name === 'JOB_COMPLETION_INDEX')
    ? container
    : {
        ...container,
        env: [
          ...(container.env ?? []),
          { name: 'JOB_COMPLETION_INDEX', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: `metadata.labels['${indexAnnotation}']` } } },
        ],
      }
