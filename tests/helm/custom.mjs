// Holds the custom resources on stdin, a JSON list, against the schemas that their projects publish, and prints how many there were.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const load = (name) => import(pathToFileURL(`${process.argv[2]}/${name}/index.js`));
const models = {
  ...(await load("@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1")),
  ...(await load("@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1")),
};

const items = JSON.parse(readFileSync(0, "utf8"));
for (const item of items) {
  const model = models[item.kind];
  if (model.apiVersion !== item.apiVersion) {
    console.error(`${item.kind} ${item.metadata.name}: ${item.apiVersion} is not ${model.apiVersion}`);
    process.exit(1);
  }
  try {
    new model(item).validate();
  } catch (error) {
    console.error(`${item.kind} ${item.metadata.name}: ${error.message}`);
    process.exit(1);
  }
}
console.log(items.length);
