import type { Chapter, Entry } from '../chapter.ts'
import { flaskIsHere, images, nodeFlask } from '../images.ts'

const namespace = '-n stateless-flask'
const servedBy = flaskIsHere
  ? "this machine's Python and Flask for Python's image and pip"
  : "a server in Node that answers as the listing's, for Python and Flask"
const tasks = '{\n"tasks": {...}'
const threePods = Array.from({ length: 3 }, () => 'stateless-flask-{*} 1/1 Running 0 {age}').join('\n')
const podTable = `NAME READY STATUS RESTARTS AGE\n${threePods}`
const serviceTable = 'NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE'
const created = (what: string): Entry => ({ see: [`${what} created`] })
const tried = (what: string): Entry => ({ see: [`${what} created (server dry run)`] })

const requirements: Readonly<Record<string, Entry>> = {
  '6.1-1': { notApplicable: 'installs pip and virtualenvwrapper by apt and from PyPI' },
  '6.1-2': { notApplicable: "virtualenvwrapper's" },
  '6.1-3': {
    substituted: flaskIsHere ? "Debian's Flask for PyPI's" : 'no Flask here',
    run: [
      'mkdir -p stateless-flask',
      'cd stateless-flask',
      'mkdir -p app',
      'mkdir -p kubernetes',
      flaskIsHere ? "/usr/bin/python3 -m pip freeze | grep -i -E '^(flask|werkzeug)==' > app/requirements.txt" : 'echo Flask==2.2.3 > app/requirements.txt',
      'ls -d app kubernetes',
      'cat app/requirements.txt',
    ],
    see: ['', '', '', '', '', 'app\nkubernetes', 'Flask=={*}'],
  },
  '6.1-4': {
    proof: { 'grep -c "@app.route(\'/tasks\'" stateless-flask/app/app.py': '2' },
    see: [],
  },
  '6.1-5': { see: [], proof: { 'tail -2 stateless-flask/app/app.py | cmp - 6.1-app-run-fragment.py && echo the same': 'the same' } },
  '6.1-6': {
    substituted: `knarr image build for docker build; ${servedBy}`,
    before: flaskIsHere ? images.python : [`cp ${nodeFlask}/* stateless-flask/app/`],
    run: ['knarr image build app -t tried:v0 -f app/Dockerfile', 'knarr image rm tried:v0'],
    see: ['tried:v0 is built: sha256:{id}, {...}', 'tried:v0 is removed'],
  },
  '6.1-7': {
    substituted: `knarr image build and a Pod with a LoadBalancer for docker build and docker run -p; ${servedBy}`,
    run: [
      'knarr image build app -t stateless-flask:v0 -f app/Dockerfile',
      'kubectl run flask --image=stateless-flask:v0',
      'kubectl expose pod flask --type=LoadBalancer --port=5000',
    ],
    see: ['stateless-flask:v0 is built: sha256:{id}, {...}', 'pod/flask created', 'service/flask exposed'],
    proof: {
      'kubectl get pod flask': 'flask 1/1 Running 0 {age}',
      "curl -sS http://$(kubectl get svc flask -o jsonpath='{.status.loadBalancer.ingress[0].ip}'):5000/tasks": '{\n"tasks": []\n}',
    },
  },
  '6.1-8': {
    placeholders: { EXTERNAL_IP: "kubectl get svc flask -o jsonpath='{.status.loadBalancer.ingress[0].ip}'" },
    see: [
      '{\n"description": "Master the art of using containers, Kubernetes and microservices",\n"id": 1,\n"title": "Kubernetes"\n}',
      '{\n"tasks": [\n{\n"description": "Master the art of using containers, Kubernetes and microservices",\n"id": 1,\n"title": "Kubernetes"\n}\n]\n}',
    ],
    proof: {
      "curl -sS -o /dev/null -w '%{http_code}\\n' -d @6.1-post-task-body.json http://${EXTERNAL_IP}:5000/tasks": '4{id}',
      "curl -sS -o /dev/null -w '%{http_code}\\n' -H 'Content-Type: application/json' -d @6.1-post-task-body.json http://${EXTERNAL_IP}:5000/tasks": '201',
      'kubectl delete pod,svc flask --grace-period=1 && kubectl run flask --image=stateless-flask:v0': 'pod/flask created',
      "curl -sS http://$(kubectl get pod flask -o jsonpath='{.status.podIP}'):5000/tasks": '"tasks": []',
      'kubectl delete pod flask --grace-period=1': 'pod "flask" deleted{...}',
    },
  },
  '6.1-9': {
    substituted: 'a mapping of the name on this machine for docker login, tag and push',
    run: ['knarr image map ${DOCKERHUB_USERNAME}/stateless-flask:v0 stateless-flask:v0', 'knarr image map'],
    see: [
      'eon01/stateless-flask:v0 is now stateless-flask:v0 on this machine',
      'NAME IMAGE\ndocker.io/eon01/stateless-flask:v0 docker.io/library/stateless-flask:v0',
    ],
  },
}

const workload: Readonly<Record<string, Entry>> = {
  '6.2-1': tried('namespace/stateless-flask'),
  '6.2-2': created('namespace/stateless-flask'),
  '6.2-3': {
    see: [
      'NAME STATUS AGE\ndefault Active {age}\nkube-node-lease Active {age}\nkube-public Active {age}\nkube-system Active {age}\nstateless-flask Active {age}',
    ],
  },
  '6.3-1': tried('deployment.apps/stateless-flask'),
  '6.3-2': {
    see: ['deployment.apps/stateless-flask created', 'NAME READY STATUS RESTARTS AGE\nstateless-flask-{*} {...}'],
    proof: {
      [`kubectl get pods ${namespace} -l app=stateless-flask`]: podTable,
      [`kubectl get rs ${namespace}`]: 'NAME DESIRED CURRENT READY AGE\nstateless-flask-{id} 3 3 3 {age}',
    },
  },
  '6.4-1': { notApplicable: 'docker inspect, named as the counterpart of kubectl describe' },
  '6.4-2': {
    again: true,
    see: [
      `Name: \${POD}
       Namespace: stateless-flask
       Node: knarr-worker{...}
       Labels: app=stateless-flask
       Status: Running
       IP: {ip}
       Controlled By: ReplicaSet/stateless-flask-{id}
       Image: eon01/stateless-flask:v0
       Port: 5000/TCP
       State: Running
       Ready: True
       Restart Count: 0
       Ready True
       QoS Class: BestEffort
       Events:
       Normal Scheduled {...} Successfully assigned stateless-flask/\${POD} to knarr-worker{...}
       Normal Created {...}
       Normal Started {...}`,
    ],
  },
  '6.4-3': {
    again: true,
    see: [podTable],
  },
  '6.4-4': {
    again: true,
    see: [
      `Name: stateless-flask
       Namespace: stateless-flask
       Selector: app=stateless-flask
       Replicas: 3 desired | 3 updated | 3 total | 3 available | 0 unavailable
       StrategyType: RollingUpdate
       Image: eon01/stateless-flask:v0
       Available True MinimumReplicasAvailable
       NewReplicaSet: stateless-flask-{id} (3/3 replicas created)
       Events:
       Normal ScalingReplicaSet {...} deployment-controller Scaled up replica set stateless-flask-{id} from 0 to 3`,
    ],
  },
  '6.4-5': { again: true, see: ['* Running on http://127.0.0.1:5000'] },
  '6.4-6': { again: true, see: ['* Running on http://127.0.0.1:5000\n* Running on http://127.0.0.1:5000\n* Running on http://127.0.0.1:5000'] },
  '6.4-7': {
    meanwhile: [
      `for ip in $(kubectl get pods ${namespace} -o jsonpath='{.items[*].status.podIP}'); do curl -sS "http://$ip:5000/tasks?at=$(date +%s)" && curl -sS "http://$ip:5000/tasks?seen=now"; done`,
    ],
    see: [
      '{*} - - [{...}] "GET /tasks?seen=now HTTP/1.1" 200 -',
      '{...} - - [{...}] "GET /tasks?seen=now HTTP/1.1" 200 -\n{...} - - [{...}] "GET /tasks?seen=now HTTP/1.1" 200 -\n{...} - - [{...}] "GET /tasks?seen=now HTTP/1.1" 200 -',
    ],
  },
  '6.5-1': {
    see: ['Forwarding from 127.0.0.1:5000 -> 5000\nHandling connection for 5000'],
    meanwhile: ['curl -sS --retry 20 --retry-delay 1 --retry-connrefused http://127.0.0.1:5000/tasks | grep tasks'],
  },
  '6.5-2': { see: [podTable] },
  '6.5-3': { follows: [1], see: ['', 'Forwarding from 127.0.0.1:5000 -> 5000'], staysUntil: '6.5-4' },
  '6.5-4': { see: [tasks] },
}

const services: Readonly<Record<string, Entry>> = {
  '6.6.1-1': tried('service/stateless-flask-clusterip-service'),
  '6.6.1-2': {
    see: ['service/stateless-flask-clusterip-service created', `${serviceTable}\nstateless-flask-clusterip-service ClusterIP {ip} <none> 5000/TCP {age}`],
    proof: { [`curl -sS http://$(kubectl get svc ${namespace} stateless-flask-clusterip-service -o jsonpath={.spec.clusterIP}):5000/tasks`]: tasks },
  },
  '6.6.1-3': { see: ['Forwarding from 127.0.0.1:5000 -> 5000'], staysUntil: '6.6.1-4' },
  '6.6.1-4': { see: [tasks] },
  '6.6.2-1': tried('service/stateless-flask-nodeport-service'),
  '6.6.2-2': created('service/stateless-flask-nodeport-service'),
  '6.6.2-3': { see: [`${serviceTable}\nstateless-flask-nodeport-service NodePort {ip} <none> 5000:30000/TCP {age}`] },
  '6.6.2-4': {
    see: [
      `NAME STATUS ROLES AGE VERSION INTERNAL-IP EXTERNAL-IP OS-IMAGE KERNEL-VERSION CONTAINER-RUNTIME
       knarr-control-plane Ready control-plane {age} v1.36.{*} {ip} {ip} {...}
       knarr-worker Ready <none> {age} v1.36.{*} {ip} {ip} {...}
       knarr-worker2 Ready <none> {age} v1.36.{*} {ip} {ip} {...}`,
    ],
  },
  '6.6.2-5': {
    see: [tasks],
    proof: {
      "for ip in $(kubectl get nodes -o jsonpath='{.items[*].status.addresses[?(@.type==\"ExternalIP\")].address}'); do curl -sS -m 5 http://$ip:30000/tasks | tr -d '\\n'; echo; done":
        '{ "tasks": {...}\n{ "tasks": {...}\n{ "tasks": {...}',
    },
  },
  // With three nodes the substitution gives three lines: the last address gets the port.
  '6.6.2-6': { see: [tasks] },
  '6.6.2-7': { see: ['{ip}\n{ip}\n{ip}\n! <none>\n! EXTERNAL-IP'], proof: { 'kubectl get nodes -o wide': 'knarr-worker {...} ${EXTERNAL_IP} {...}' } },
  '6.6.3-1': tried('service/stateless-flask-loadbalancer-service'),
  '6.6.3-2': created('service/stateless-flask-loadbalancer-service'),
  '6.6.3-3': {
    see: [
      `${serviceTable}
       stateless-flask-loadbalancer-service LoadBalancer {ip} {ip} 5000:{port}/TCP {age}
       stateless-flask-loadbalancer-service LoadBalancer {ip} {ip} 5000:{port}/TCP {age}`,
    ],
    meanwhile: [`kubectl ${namespace} label svc stateless-flask-loadbalancer-service watched=yes`],
  },
  '6.6.3-4': { see: ['', tasks] },
  '6.6.4-1': tried('service/stateless-flask-headless-service'),
  '6.6.4-2': created('service/stateless-flask-headless-service'),
  '6.6.4-3': { see: [`${serviceTable}\nstateless-flask-headless-service ClusterIP None <none> 5000/TCP {age}`] },
  '6.6.4-4': {
    substituted: 'the name is looked up',
    run: ['getent hosts stateless-flask-headless-service.stateless-flask.svc.cluster.local || true'],
    see: ['{ip} stateless-flask-headless-service.stateless-flask.svc.cluster.local'],
    clusterDns: true,
  },
  '6.6.4-5': {
    substituted: "this machine's nslookup for the image's",
    run: ['kubectl run tmp01 --image=tutum/dnsutils -- sleep infinity'],
    before: images.dnsutils,
    see: ['pod/tmp01 created'],
    proof: { 'kubectl get pod tmp01': 'tmp01 1/1 Running 0 {age}' },
  },
  '6.6.4-6': {
    see: [
      `Server: \${DNS_SERVER_IP}
       Address: \${DNS_SERVER_IP}#53
       Name: stateless-flask-headless-service.stateless-flask.svc.cluster.local
       Address: {ip}
       Name: stateless-flask-headless-service.stateless-flask.svc.cluster.local
       Address: {ip}
       Name: stateless-flask-headless-service.stateless-flask.svc.cluster.local
       Address: {ip}`,
    ],
  },
  '6.6.4-7': { outputOf: '6.6.4-6', see: ['Name: stateless-flask-headless-service.stateless-flask.svc.cluster.local\nAddress: ${POD_1_IP}'] },
}

const helm = 'charts are not installed without a network; Knarr serves the class nginx by its own controller'
const tried15 = 'http://stateless-flask.${INGRESS_IP}.nip.io/tasks'
const ingress: Readonly<Record<string, Entry>> = {
  '6.6.5-1': {
    see: [
      'service "stateless-flask-nodeport-service" deleted{...}',
      'service "stateless-flask-loadbalancer-service" deleted{...}',
      'service "stateless-flask-clusterip-service" deleted{...}',
    ],
    proof: {
      [`kubectl get svc ${namespace}`]: 'stateless-flask-headless-service {...}\n! {...}nodeport{...}\n! {...}loadbalancer{...}\n! {...}clusterip-service{...}',
    },
  },
  '6.6.5-2': {
    see: ['service/stateless-flask created'],
    proof: { [`kubectl get svc ${namespace} stateless-flask`]: 'stateless-flask ClusterIP {ip} <none> 5000/TCP {age}' },
  },
  '6.6.5-3': { notApplicable: 'installs Helm from the internet' },
  '6.6.5-4': {
    substituted: helm,
    run: ['kubectl get ingressclass'],
    see: ['NAME CONTROLLER PARAMETERS AGE\nknarr knarr.dev/ingress-controller <none> {age}\n! nginx {...}'],
  },
  '6.6.5-5': { notApplicable: 'the same chart in another namespace' },
  '6.6.5-6': {
    see: ['tmp01 1/1 Running {...}', `${serviceTable}\nkubernetes ClusterIP {ip} <none> 443/TCP {age}`],
    substituted: "no Pod of a controller: Knarr's is a process of its own",
  },
  '6.6.5-7': {
    substituted: 'tried on the server, though the book only shows it',
    run: ['kubectl apply --dry-run=server -f kubernetes/ingress.yaml'],
    see: ['ingress.networking.k8s.io/my-ingress created (server dry run)'],
  },
  '6.6.5-8': tried('service/stateless-flask-service-externalname'),
  '6.6.5-9': created('service/stateless-flask-service-externalname'),
  '6.6.5-10': {
    see: [`${serviceTable}\nstateless-flask-service-externalname ExternalName <none> stateless-flask.stateless-flask.svc.cluster.local <none> {age}`],
  },
  '6.6.5-11': tried('ingress.networking.k8s.io/my-ingress'),
  '6.6.5-12': {
    substituted: "the address that Knarr's controller gives an Ingress of class nginx, for that of the chart's Service",
    run: [
      'kubectl create ingress probe --class=nginx --rule=probe.example/=stateless-flask-service-externalname:5000',
      "kubectl wait ingress/probe --for=jsonpath='{.status.loadBalancer.ingress[0].ip}' --timeout=30s >/dev/null && kubectl get ingress probe | awk '{print $4}' | tail -n 1",
      'kubectl delete ingress probe',
    ],
    see: ['ingress.networking.k8s.io/probe created', '${INGRESS_IP}', 'ingress.networking.k8s.io "probe" deleted{...}'],
  },
  '6.6.5-13': created('ingress.networking.k8s.io/my-ingress'),
  '6.6.5-14': { again: true, see: ['NAME CLASS HOSTS ADDRESS PORTS AGE\nmy-ingress nginx stateless-flask.${INGRESS_IP}.nip.io ${INGRESS_IP} 80 {age}'] },
  '6.6.5-15': {
    substituted: "curl for the browser; nip.io is answered by the cluster's DNS",
    clusterDns: true,
    again: true,
    run: [`curl -sS -m 5 ${tried15}`, `curl -sS -m 5 -o /dev/null -w '%{http_code}\\n' ${tried15}foo`],
    see: [tasks, '404'],
  },
}

/** Deploying a stateless microservice. */
export const chapter6: Chapter = {
  number: 6,
  before: ['knarr up'],
  words: [],
  placeholders: {
    EXTERNAL_IP: 'kubectl get node knarr-worker -o jsonpath=\'{.status.addresses[?(@.type=="ExternalIP")].address}\'',
    DOCKERHUB_USERNAME: 'echo eon01',
    DOCKER_REGISTRY: 'echo eon01',
    POD: `kubectl get pods ${namespace} -o jsonpath='{.items[0].metadata.name}'`,
    POD_ID: `kubectl get pods ${namespace} -o jsonpath='{.items[0].metadata.name}' | sed s/stateless-flask-//`,
    POD_1_IP: `kubectl get pods ${namespace} -o jsonpath='{.items[0].status.podIP}'`,
    POD_2_IP: `kubectl get pods ${namespace} -o jsonpath='{.items[1].status.podIP}'`,
    DEPLOYMENT: 'echo stateless-flask',
    DNS_SERVER_IP: 'kubectl -n kube-system get svc kube-dns -o jsonpath={.spec.clusterIP}',
    INGRESS_HOST: 'echo my-app.example.com',
    INGRESS_PATH: 'echo /tasks',
    SERVICE_NAME: 'echo stateless-flask-service-externalname',
    INGRESS_IP:
      "kubectl get ingress my-ingress -o jsonpath='{.status.loadBalancer.ingress[0].ip}' 2>/dev/null || { kubectl create ingress asks --class=nginx --rule=asks.example/=none:80 >/dev/null; kubectl wait ingress/asks --for=jsonpath='{.status.loadBalancer.ingress[0].ip}' --timeout=30s >/dev/null; kubectl get ingress asks -o jsonpath='{.status.loadBalancer.ingress[0].ip}'; kubectl delete ingress asks >/dev/null; }",
  },
  listings: { ...requirements, ...workload, ...services, ...ingress },
}
