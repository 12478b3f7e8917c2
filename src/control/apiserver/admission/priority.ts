import type { Mutable } from '../../../base/api/object.ts'
import type { Pod, PriorityClass } from '../../../base/api/generated/types.ts'
import { priorityClasses } from '../../../base/api/kinds.ts'
import type { Reader } from '../context.ts'
import { forbidden } from '../errors.ts'
import type { AdmissionPlugin } from './admission.ts'

/** Resolves `priorityClassName` into the number the scheduler compares. */
export const priority = (reader: Reader): AdmissionPlugin => ({
  name: 'Priority',
  admit({ operation, resource: { kind }, subresource, object }) {
    if (operation !== 'CREATE' || kind.group !== '' || kind.plural !== 'pods' || subresource) return
    const { spec, metadata } = object as unknown as Mutable<Pod>
    const found = spec.priorityClassName ? reader.get(priorityClasses, { name: spec.priorityClassName }) : globalDefault(reader)
    if (spec.priorityClassName && !found) throw forbidden(kind, metadata.name, `no PriorityClass with name ${spec.priorityClassName} was found`)
    const value = found?.value ?? 0
    if (spec.priority !== undefined && spec.priority !== value) {
      throw forbidden(
        kind,
        metadata.name,
        `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
      )
    }
    spec.priority = value
    if (found) spec.priorityClassName = found.metadata.name
    spec.preemptionPolicy ??= found?.preemptionPolicy ?? 'PreemptLowerPriority'
  },
})

const globalDefault = (reader: Reader): PriorityClass | undefined =>
  reader
    .list(priorityClasses)
    .filter((found) => found.globalDefault)
    .sort((a, b) => (a.value ?? 0) - (b.value ?? 0))[0]
