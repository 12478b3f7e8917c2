/** A test of a story that is named with the row, a listing that shows it, or why there is nothing to test. */
export type Proof = { readonly story: string } | { readonly listing: string } | { readonly not: string }

const story = (name: string): Proof => ({ story: `${name}.test.ts` })
const listing = (id: string): Proof => ({ listing: id })
const not = (why: string): Proof => ({ not: why })
const rows = (first: number, last: number, proof: Proof): [number, Proof][] => Array.from({ length: last - first + 1 }, (_, index) => [first + index, proof])

const minikube = not("minikube's own")
const rancher = not("Rancher's own")
const terraform = not("Terraform's, with an account at DigitalOcean")
const noDashboard = not('Knarr has no dashboard yet')
const noAddons = not('Knarr has no add-ons yet')
const managed = not('of managed clusters')
const advice = not('advice')

/** What chapters 3, 4 and 6 claim, by the row of the list of claims. */
export const claims: ReadonlyMap<number, Proof> = new Map<number, Proof>([
  [55, story('up-and-down')],
  ...rows(56, 59, minikube),
  [60, story('several-clusters')],
  [61, listing('3.1.2-6')],
  [62, listing('3.1.2-5')],
  [63, story('up-and-down')],
  [64, story('several-clusters')],
  [65, story('several-clusters')],
  [66, story('several-clusters')],
  ...rows(67, 69, story('looking-around')),
  [70, noDashboard],
  [71, not('the API server proxies to no Service yet')],
  ...rows(72, 75, noDashboard),
  [76, story('looking-around')],
  [77, story('looking-around')],
  ...rows(78, 80, story('looking-around')),
  [81, story('several-clusters')],
  [82, story('looking-around')],
  [83, noAddons],
  [84, noAddons],
  ...rows(85, 88, story('several-clusters')),
  ...rows(89, 94, rancher),
  ...rows(95, 99, rancher),
  [100, story('exposing')],
  ...rows(101, 107, rancher),
  [108, not('etcd of several machines')],
  [109, not('a control plane of several machines')],
  [110, story('nodes')],
  [111, rancher],
  ...rows(112, 114, managed),
  ...rows(115, 117, terraform),
  ...rows(118, 120, story('looking-around')),
  [121, managed],
  [122, story('looking-around')],
  [123, not("etcd's: Knarr's store is its own")],
  [124, story('api')],
  [125, story('stateless-app')],
  [126, not('of clouds; Knarr gives addresses to load balancers itself (claim 171)')],
  [127, story('workloads')],
  [128, story('nodes')],
  [129, not('of other runtimes')],
  [130, story('network')],
  ...rows(131, 133, story('looking-around')),
  ...rows(134, 135, managed),
  [136, story('nodes')],
  [140, listing('6.1-8')],
  [141, listing('6.1-8')],
  [142, story('stateless-app')],
  [143, not("Docker's")],
  [144, story('stateless-app')],
  [145, story('exposing')],
  [146, story('stateless-app')],
  ...rows(147, 151, story('stateless-app')),
  [152, story('workloads')],
  [153, advice],
  ...rows(154, 158, story('stateless-app')),
  ...rows(159, 161, story('exposing')),
  [162, not('on purpose, the host reaches the cluster addresses too, as a node of a cluster does')],
  [163, story('exposing')],
  [164, story('stateless-app')],
  ...rows(165, 172, story('exposing')),
  [173, not('of load balancers outside the cluster')],
  ...rows(174, 178, story('exposing')),
  [179, not('Pods have no public address in an ordinary cluster')],
  [180, not('about other software')],
  ...rows(181, 183, story('exposing')),
  [184, story('network')],
  [185, not('of what an Ingress cannot say')],
  [186, story('exposing')],
  [187, not("Helm's, with a chart from the internet")],
  [188, not("Helm's")],
  ...rows(189, 193, story('exposing')),
  [194, story('exposing')],
  ...rows(195, 196, story('exposing')),
])
