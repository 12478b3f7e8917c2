// A cluster of knarr/testing in a process of its own: prints its kubeconfig as JSON text and lives until its input ends.
import { parse } from 'yaml'

const [testing, nodes] = process.argv.slice(2)
const { createCluster } = await import(testing)
const cluster = await createCluster({ clock: 'system', nodes: Number(nodes) })
process.stdout.write(`${JSON.stringify(parse(await cluster.kubeconfig()))}\n`)
process.stdin.resume()
process.stdin.once('end', () => void cluster.close())
