// The Allure 3 site over conformance and chaos results:
//   allure generate --config reports/allurerc.mjs out/conformance/allure-results out/chaos/allure-results
// It only shows; whether a run is green is decided by the completeness gate.

import { categories } from "./categories.mjs";

const onStack = (kind) => ({
  name: `${kind} stack`,
  matcher: ({ labels }) => labels.some(({ name, value }) => name === "stack" && value === kind),
});

export default {
  name: "Bodhisattva conformance and chaos",
  output: "out/allure",
  // Runs of one kind compare with each other only: name a file of its own for each kind.
  historyPath: process.env.BODHISATTVA_ALLURE_HISTORY ?? "out/allure-history.jsonl",
  historyLimit: 50,
  categories,
  environments: {
    process: onStack("process"),
    docker: onStack("docker"),
    external: onStack("external"),
  },
  plugins: {
    awesome: {
      options: {
        reportName: "Bodhisattva conformance and chaos",
        groupBy: ["epic", "feature", "story"],
        theme: "auto",
      },
    },
    dashboard: {
      options: {
        reportName: "Bodhisattva at a glance",
        layout: [
          { type: "currentStatus", title: "This run" },
          { type: "statusDynamics", title: "Runs so far" },
          { type: "testResultSeverities", title: "By severity" },
          { type: "statusTransitions", title: "What changed" },
          { type: "durations", title: "How long tests take" },
          { type: "durationDynamics", title: "How long runs take" },
        ],
      },
    },
  },
};
