import { canUseNft, createNftProxy, type NftProxyOptions } from './nft-proxy.ts'
import { nodeOfAddress } from './proxy-nodes.ts'
import type { ServiceProxy } from './service-proxy-contract.ts'
import { createUserspaceProxy } from './userspace-proxy.ts'

/** The nftables proxy where the machine can do it, sockets elsewhere. */
export const chooseServiceProxy = async (options: NftProxyOptions): Promise<ServiceProxy> =>
  (await canUseNft(options.enter)) ? createNftProxy(options) : createUserspaceProxy({ ...options, nodeOfClient: (ip) => nodeOfAddress(options.nodes(), ip) })

/** What this machine's clusters get, for people: tried in a namespace of its own. Needs root. */
export const serviceProxyHere = async (): Promise<string> => ((await canUseNft(['unshare', '--net'])) ? 'nftables proxy' : 'userspace proxy (no nftables here)')
