import { fieldSubresource } from './field-subresource.ts'

type WithFinalizers = { spec?: { finalizers?: readonly string[] } }

/** The namespace controller takes its finalizer off here, which ends the namespace. */
export const finalizeSubresource = fieldSubresource((to, from) => {
  const finalizers = (from as WithFinalizers).spec?.finalizers
  ;(to as WithFinalizers).spec = { ...(to as WithFinalizers).spec, ...(finalizers?.length ? { finalizers } : { finalizers: [] }) }
})
