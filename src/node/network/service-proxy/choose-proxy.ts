import { canUseNft, createNftProxy, type NftProxyOptions } from './nft-proxy.ts'
import { nodeOfAddress } from './proxy-nodes.ts'
import type { ServiceProxy } from './service-proxy-contract.ts'
import { createUserspaceProxy } from './userspace-proxy.ts'

/** The nftables proxy where the machine can do it, sockets elsewhere. */
export const chooseServiceProxy = async (options: NftProxyOptions): Promise<ServiceProxy> =>
  (await canUseNft(options.enter)) ? createNftProxy(options) : createUserspaceProxy({ ...options, nodeOfClient: (ip) => nodeOfAddress(options.nodes(), ip) })
