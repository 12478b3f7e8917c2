import type { Job, Pod } from '../../../base/api/generated/types.ts'

export const indexAnnotation = 'batch.kubernetes.io/job-completion-index'

export const isIndexed = (job: Job): boolean => job.spec.completionMode === 'Indexed'

/** The completion index that a Pod works on; undefined where it has none, or one beyond the Job's. */
export const indexOf = (job: Job, pod: Pod): number | undefined => {
  const text = pod.metadata.annotations?.[indexAnnotation] ?? pod.metadata.labels?.[indexAnnotation]
  if (text === undefined || !/^\d+$/.test(text)) return undefined
  const index = Number(text)
  return index < (job.spec.completions ?? 0) ? index : undefined
}

/** `1,3-5,7` as numbers; what is beyond `limit` is left out. */
export const parseIndexes = (text: string | undefined, limit: number): ReadonlySet<number> => {
  const indexes = new Set<number>()
  for (const part of (text ?? '').split(',').filter((one) => one !== '')) {
    const [from = 0, to = from] = part.split('-').map(Number)
    for (let index = from; index <= Math.min(to, limit - 1); index++) indexes.add(index)
  }
  return indexes
}

/** Numbers as `1,3-5,7`: two neighbours stay apart with a comma, as upstream writes them. */
export const formatIndexes = (indexes: Iterable<number>): string => {
  const runs: [number, number][] = []
  for (const index of [...indexes].sort((a, b) => a - b)) {
    const last = runs.at(-1)
    if (last && index === last[1] + 1) last[1] = index
    else runs.push([index, index])
  }
  return runs.map(([from, to]) => (to === from ? `${from}` : to === from + 1 ? `${from},${to}` : `${from}-${to}`)).join(',')
}
