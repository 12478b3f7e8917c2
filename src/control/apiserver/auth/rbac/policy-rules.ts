// How the default roles are written down.
import type { PolicyRule } from '../../../../base/api/generated/types.ts'

export const reading = 'get list watch'
export const writing = 'create delete deletecollection patch update'
export const all = `${writing} ${reading}`

const words = (text: string): string[] => text.split(' ')

/** `core` stands for the group without a name. */
export const on = (apiGroups: string, resources: string, verbs: string): PolicyRule => ({
  apiGroups: words(apiGroups).map((one) => (one === 'core' ? '' : one)),
  resources: words(resources),
  verbs: words(verbs),
})
export const paths = (urls: string): PolicyRule => ({ nonResourceURLs: words(urls), verbs: ['get'] })
export const named = (rule: PolicyRule, resourceNames: string): PolicyRule => ({ ...rule, resourceNames: words(resourceNames) })
export const recordingEvents: PolicyRule = on('core events.k8s.io', 'events', 'create patch update')
