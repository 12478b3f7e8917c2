import { afterEach, beforeEach, expect, test } from 'vitest'
import { clusterRoles } from '../../../base/api/kinds.ts'
import { startStory, type Story } from '../story.ts'
import { clusterRoleAggregation } from './clusterrole-aggregation.ts'

let story: Story
beforeEach(async () => {
  story = startStory([clusterRoleAggregation])
  const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { part: 'yes' } }] }
  await story.client.create(clusterRoles, { metadata: { name: 'sum' }, aggregationRule, rules: [] })
  await story.client.create(clusterRoles, { metadata: { name: 'b', labels: { part: 'yes' } }, rules: [on('pods'), on('services')] })
  await story.client.create(clusterRoles, { metadata: { name: 'a', labels: { part: 'yes' } }, rules: [on('secrets'), on('pods')] })
  await story.client.create(clusterRoles, { metadata: { name: 'apart' }, rules: [on('nodes')] })
  await story.quiet()
})
afterEach(() => story.stop())

const on = (resource: string) => ({ apiGroups: [''], resources: [resource], verbs: ['get'] })
const sum = async () => (await story.client.get(clusterRoles, { name: 'sum' })).rules?.map(({ resources }) => resources?.[0])

test('an aggregated role holds the rules of those that it selects, each once', async () => {
  expect(await sum()).toEqual(['secrets', 'pods', 'services'])
})

test('it follows a role that joins and one that goes', async () => {
  await story.client.patch(clusterRoles, { name: 'apart' }, { metadata: { labels: { part: 'yes' } } }, { type: 'merge' })
  await story.client.delete(clusterRoles, { name: 'b' })
  await story.quiet()
  expect(await sum()).toEqual(['secrets', 'pods', 'nodes'])
})

test('rules that somebody wrote into it are replaced by the sum', async () => {
  await story.client.patch(clusterRoles, { name: 'sum' }, { rules: [on('nodes')] }, { type: 'merge' })
  await story.quiet()
  expect(await sum()).toEqual(['secrets', 'pods', 'services'])
})

test('in the state that is wanted it writes nothing', async () => {
  expect(await story.restart()).toEqual([])
})
