import type { Cluster, ClusterOptions } from './cluster.ts'

/**
 * A Kubernetes cluster for one test or one file of tests. Several can live in one process. Close it at the end:
 * `await using cluster = await createCluster()`, or `await cluster.close()`.
 */
export async function createCluster(options: ClusterOptions = {}): Promise<Cluster> {
  if (options.runtime === 'process') return (await import('./process-cluster.ts')).createProcessCluster(options)
  const { createSimulatedCluster } = await import('./simulated-cluster.ts')
  return createSimulatedCluster(options)
}
