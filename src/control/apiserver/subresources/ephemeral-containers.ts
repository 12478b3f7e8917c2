import type { Pod } from '../../../base/api/generated/types.ts'
import { validateEphemeralContainers } from '../../../base/api/resources/core/ephemeral-containers.ts'
import { fieldSubresource } from './field-subresource.ts'

type WithContainers = { spec: { ephemeralContainers?: unknown } }

/** `kubectl debug`: only `spec.ephemeralContainers` changes. */
export const ephemeralContainersSubresource = fieldSubresource(
  (to, from) => {
    const [target, source] = [to as unknown as WithContainers, from as unknown as WithContainers]
    target.spec.ephemeralContainers = source.spec.ephemeralContainers ?? []
  },
  (object, old) => validateEphemeralContainers(object as Pod, old as Pod),
)
