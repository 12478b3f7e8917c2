import type { Chapter, Entry } from '../chapter.ts'
import { images } from '../images.ts'

const podTable = 'NAMESPACE NAME READY STATUS RESTARTS AGE'
const widePodTable = 'NAME READY STATUS RESTARTS AGE IP NODE NOMINATED NODE READINESS GATES'
const systemPods = `${podTable}\n~ kube-system kube-apiserver-{*} 1/1 Running 0 {age}`
const nodeTable = 'NAME STATUS ROLES AGE VERSION\n{*}-control-plane Ready control-plane {age} v1.36.{*}'
const browser = 'curl for the browser'
const noDashboard = 'Knarr has no dashboard yet'
const noAddons = 'Knarr has no add-ons yet'
const digitalOcean = 'needs an account at DigitalOcean'
const logLines = '~ {*} server INFO the API of knarr-c1 answers {...}\n~ {*} agent INFO {...}'
const noDocker = 'Knarr needs no Docker'

const start: Readonly<Record<string, Entry>> = {
  '3.1.1-1': { notApplicable: 'installs minikube' },
  '3.1.1-2': { notApplicable: `installs Docker: ${noDocker}` },
  '3.1.1-3': { notApplicable: `makes a user for Docker: ${noDocker}` },
  '3.1.2-1': { see: ['cluster knarr-default is up: {...}'], proof: { 'kubectl get nodes': nodeTable } },
  '3.1.2-2': { again: true, see: [systemPods] },
  '3.1.2-3': { again: true, see: [systemPods] },
  '3.1.2-4': {
    before: ['knarr delete'],
    see: ['cluster knarr-default is up: {...}'],
    proof: { "kubectl get nodes -o jsonpath='{.items[0].status.capacity.memory}'": '2Gi' },
  },
  '3.1.2-5': {
    substituted: 'there is no preflight check to be ignored',
    before: ['knarr delete'],
    replace: { ' --extra-config=kubeadm.ignore-preflight-errors=NumCPU --force': '' },
    see: ['cluster knarr-default is up: {...}'],
    proof: { "kubectl get nodes -o jsonpath='{.items[0].status.capacity.cpu}'": '1' },
  },
  '3.1.2-6': {
    substituted: 'another version is refused, then left out',
    before: ['knarr delete'],
    run: ['knarr up --memory=1977mb --cpus=2 --disk-size=20g --kubernetes-version=v1.25.0', 'knarr up --memory=1977mb --cpus=2 --disk-size=20g'],
    exits: [1, 0],
    see: ['knarr: only Kubernetes 1.36 is served (asked for v1.25.0){...}', 'cluster knarr-default is up: {...}'],
    proof: {
      "kubectl get nodes -o jsonpath='{.items[0].status.capacity.cpu} {.items[0].status.capacity.memory} {.items[0].status.capacity.ephemeral-storage}'":
        '2 1977Mi 20Gi',
    },
  },
  '3.1.2-7': {
    before: ['knarr up'],
    see: ['cluster knarr-default is deleted'],
    proof: { 'knarr status': 'there is no cluster{...}', 'kubectl get nodes 2>&1; true': 'The connection to the server localhost:8080 was refused {...}' },
  },
}

const profiles: Readonly<Record<string, Entry>> = {
  '3.1.3-1': {
    see: ['cluster knarr-c1 is up: {...}', 'cluster knarr-c2 is up: {...}', 'ACTIVE PROFILE STATE {...}\n{...}c1 up {...} knarr-c1\n{...}c2 up {...} knarr-c2'],
  },
  '3.1.3-2': { see: ['profile c1 is active{...}'], proof: { 'knarr profile': 'c1', 'kubectl config current-context': 'knarr-c1' } },
  '3.1.3-3': {
    again: true,
    see: [systemPods, 'Kubernetes control plane is running at https://127.0.0.1:{*}\nCoreDNS is running at https://127.0.0.1:{*}/services/kube-dns:dns/proxy'],
    proof: { 'kubectl get nodes --context knarr-c1 -o name': 'node/knarr-c1-control-plane' },
  },
  '3.1.3-4': { see: [logLines] },
  '3.1.3-5': { see: ['{*} lines are in logs.txt'], proof: { 'cat logs.txt': logLines } },
  '3.1.3-6': {
    before: images.echoserver,
    follows: [5],
    meanwhile: ['kubectl run watched --image=registry.k8s.io/echoserver:1.4', 'kubectl wait pod/watched --for=condition=Ready --timeout=30s'],
    see: [
      systemPods,
      nodeTable,
      'No resources found in default namespace.',
      'No resources found in default namespace.',
      `NAMESPACE ${widePodTable}\n~ kube-system {...}`,
      `NAMESPACE ${widePodTable}\ndefault watched 0/1 Pending {...}\ndefault watched 1/1 Running 0 {age} {ip} {...}`,
      `NAMESPACE ${widePodTable}\nkube-system knarr-agent-{...}\nkube-system kube-apiserver-{...}\ndefault watched {...}`,
      `NAMESPACE ${widePodTable}\n~ default watched 1/1 Running {...}\n! {...} Pending {...}`,
    ],
    proof: { 'kubectl delete pod watched --grace-period=1': 'pod "watched" deleted{...}' },
  },
  '3.1.4-1': { notApplicable: noDashboard },
  '3.1.4-2': { notApplicable: noDashboard },
  '3.1.4-3': { notApplicable: `${noDashboard}; an ssh tunnel to another machine` },
  '3.1.4-4': { notApplicable: noDashboard },
}

const deployment: Readonly<Record<string, Entry>> = {
  '3.1.5-1': { substituted: 'a server in Node that echoes, for the image', before: images.echoserver, see: ['deployment.apps/hello-node created'] },
  '3.1.5-2': {
    again: true,
    see: ['NAME READY UP-TO-DATE AVAILABLE AGE\nhello-node 1/1 1 1 {age}', 'NAME READY STATUS RESTARTS AGE\nhello-node-{*} 1/1 Running 0 {age}'],
  },
  '3.1.6-1': {
    see: [
      `LAST SEEN TYPE REASON OBJECT MESSAGE
       ~ {age} Normal ScalingReplicaSet deployment/hello-node Scaled up replica set hello-node-{id} from 0 to 1
       ~ {age} Normal SuccessfulCreate replicaset/hello-node-{id} Created pod: hello-node-{*}
       ~ {age} Normal Scheduled pod/hello-node-{*} Successfully assigned default/hello-node-{*} to knarr-c1-{*}
       ~ {age} Normal Pulled pod/hello-node-{*} {...}"registry.k8s.io/echoserver:1.4"{...}
       ~ {age} Normal Created pod/hello-node-{*} {...}
       ~ {age} Normal Started pod/hello-node-{*} {...}`,
    ],
  },
  '3.1.7-1': { see: ['service/hello-node exposed'] },
  '3.1.7-2': {
    substituted: "the load balancer's address, which minikube has none of",
    see: [
      'NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE\nhello-node LoadBalancer {ip} ${SERVICE_IP} 8080:${NODE_PORT}/TCP {age}',
      'NAMESPACE NAME TARGET PORT URL\ndefault hello-node 8080 http://${SERVICE_IP}:8080',
    ],
  },
  '3.1.7-3': {
    substituted: "the load balancer's address",
    outputOf: '3.1.7-2',
    see: ['', 'NAMESPACE NAME TARGET PORT URL\ndefault hello-node 8080 http://${SERVICE_IP}:8080'],
  },
  '3.1.7-4': { notApplicable: 'an ssh tunnel to another machine' },
  '3.1.7-5': {
    substituted: `${browser}, at the load balancer's address and at the node port`,
    run: ['curl -sS -m 5 http://${SERVICE_IP}:8080', 'curl -sS -m 5 http://${NODE_IP}:${NODE_PORT}'],
    see: ['CLIENT VALUES:\ncommand=GET\nreal path=/', 'CLIENT VALUES:\ncommand=GET\nreal path=/'],
  },
  '3.1.8-1': {
    see: ['service "hello-node" deleted{...}', 'deployment.apps "hello-node" deleted{...}'],
    proof: { 'kubectl get deployments,rs,pods': 'No resources found in default namespace.', 'kubectl get svc': 'kubernetes {...}\n! hello-node {...}' },
  },
  '3.1.9-1': { notApplicable: noAddons },
  '3.1.9-2': { notApplicable: noAddons },
  '3.1.9-3': { notApplicable: noAddons },
  '3.1.9-4': { notApplicable: noAddons },
  '3.1.9-5': { notApplicable: 'metrics are not there yet' },
}

const ownKubectl: Readonly<Record<string, Entry>> = {
  '3.1.10-1': { notApplicable: "fetches kubectl from the internet: this machine's is used" },
  '3.1.10-2': {
    substituted: 'a file of the working folder, without sudo',
    run: ['kubectl completion bash > kubectl.bash', 'source kubectl.bash && complete -p kubectl'],
    see: ['', 'complete -o default -F __start_kubectl kubectl'],
  },
  '3.1.10-3': { see: ['CURRENT NAME CLUSTER AUTHINFO NAMESPACE\n* knarr-c1 knarr-c1 {*}\nknarr-c2 knarr-c2 {*}'] },
  // It only writes an entry: what is current stays.
  '3.1.10-4': { see: ['Context "c1" created.'], proof: { 'kubectl config current-context': 'knarr-c1' } },
  '3.1.10-5': {
    see: [
      systemPods,
      nodeTable,
      'No resources found in default namespace.',
      'No resources found in default namespace.',
      `${widePodTable}\n~ kube-apiserver-{*} 1/1 Running {...}`,
    ],
  },
  '3.1.11-1': { see: ['cluster knarr-c1 is deleted', 'cluster knarr-c2 is deleted'], proof: { 'knarr profile list': 'there is no cluster{...}' } },
}

const elsewhere: Readonly<Record<string, Entry>> = {
  '3.2.2-1': { notApplicable: "Rancher's quickstart, from GitHub" },
  '3.2.2-2': { notApplicable: `Terraform with Rancher: ${digitalOcean}` },
  '3.3.2-1': { notApplicable: 'Rancher runs a control plane as Docker containers' },
  '3.6-1': { notApplicable: `Terraform: ${digitalOcean}` },
  '3.6-2': { notApplicable: `Terraform: ${digitalOcean}` },
  '3.6-3': {
    substituted: "the kubeconfig of Knarr's cluster for that of a managed one",
    before: ['knarr up', 'kubectl config view --raw --flatten > ../aymen-kubeconfig.yaml'],
    replace: { 'kubectl --kubeconfig': 'env -u KUBECONFIG HOME=/nowhere kubectl --kubeconfig' },
    see: [nodeTable],
  },
  '3.6-4': {
    substituted: "cp into the reader's own home for scp to a server",
    before: ['cp ../aymen-kubeconfig.yaml kubeconfig.yaml'],
    run: ['mkdir -p ~/.kube && cp kubeconfig.yaml ~/.kube/config', 'env -u KUBECONFIG kubectl get nodes'],
    see: ['', nodeTable],
  },
  '3.6-5': { notApplicable: 'the same as another user of the server' },
  '3.6-6': {
    substituted: 'no ssh: the reader is on the machine',
    run: ['env -u KUBECONFIG kubectl get services -A'],
    see: [
      'NAMESPACE NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE\ndefault kubernetes ClusterIP {ip} <none> 443/TCP {age}\nkube-system kube-dns ClusterIP {ip} <none> 53/UDP,53/TCP{...} {age}',
    ],
  },
}

/** Cluster creation: minikube's sections with Knarr, and of the managed clusters what any cluster answers. */
export const chapter3: Chapter = {
  number: 3,
  before: [],
  words: [
    { from: /minikube start --driver=docker/g, to: 'knarr up', says: 'knarr up for minikube start' },
    { from: /minikube/g, to: 'knarr', says: 'knarr for minikube' },
  ],
  placeholders: {
    MEMORY: 'echo 2g',
    ADDON_NAME: 'echo metrics-server',
    PATH_TO_DIRECTORY: 'dirname "$PWD" | cut -c2-',
    NODE_IP: 'kubectl get nodes -o jsonpath=\'{.items[0].status.addresses[?(@.type=="InternalIP")].address}\'',
    SERVICE_IP: "kubectl get svc hello-node -o jsonpath='{.status.loadBalancer.ingress[0].ip}'",
    NODE_PORT: "kubectl get svc hello-node -o jsonpath='{.spec.ports[0].nodePort}'",
  },
  listings: { ...start, ...profiles, ...deployment, ...ownKubectl, ...elsewhere },
}
