// Where a result that did not pass belongs; the first rule that matches takes it.

export const categories = [
  {
    id: "known-deviations",
    name: "Known deviations",
    matchers: [{ message: /known deviation/ }],
    groupBy: [{ label: "service" }],
  },
  {
    id: "unsupported",
    name: "Not claimed by the service",
    matchers: [{ statuses: ["skipped"], message: /unsupported: / }],
    groupBy: [{ label: "service" }],
  },
  {
    id: "unknown",
    name: "Could not be judged",
    matchers: [{ statuses: ["skipped"] }, { statuses: ["broken"], labels: { epic: /^chaos$/ } }],
  },
  {
    id: "product-defects",
    name: "Product defects: a promise was broken",
    matchers: [{ statuses: ["failed"] }],
    groupBy: ["severity", { label: "service" }],
    expand: true,
  },
  {
    id: "harness-defects",
    name: "Harness defects: the test itself broke",
    matchers: [{ statuses: ["broken", "unknown"] }],
  },
];
