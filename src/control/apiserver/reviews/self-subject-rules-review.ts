/** `kubectl auth can-i --list`: everybody who is authenticated may do anything. */
export const selfSubjectRulesReview = (): object => ({
  status: {
    resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
    nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
    incomplete: false,
  },
})
