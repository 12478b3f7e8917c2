import { keyOf, type KubeObject } from '../../../base/api/object.ts'

/** The key of the object that changed: what a controller's own kind wakes. */
export const keysOfChange = ({ old, object }: { readonly old?: KubeObject; readonly object?: KubeObject }): readonly string[] => {
  const any = object ?? old
  return any ? [keyOf(any)] : []
}
