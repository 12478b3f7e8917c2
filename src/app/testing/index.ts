// What `knarr/testing` exports.
export type { Cluster, ClusterClock, ClusterOptions, NodeSpec, WaitOptions } from './cluster.ts'
export { createCluster } from './create-cluster.ts'
export type { Duration } from './duration.ts'
export type { Expectation } from './expectation.ts'
export type { ContainerChoice, Simulation } from './simulation.ts'
export * as kinds from '../../base/api/kinds.ts'
