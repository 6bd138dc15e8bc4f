// Shows the document of the service that this page came from, and asks nobody else for anything.

// Swagger UI follows no references in the parameters of a path, only in those of its operations.
function moveParametersToOperations(document) {
  for (const item of Object.values(document.paths ?? {})) {
    for (const operation of Object.values(item)) {
      if (operation.operationId) {
        operation.parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])];
      }
    }
    delete item.parameters;
  }
  return document;
}

const forSwaggerUi = {
  statePlugins: {
    spec: {
      wrapActions: {
        updateJsonSpec: (update) => (document) => update(moveParametersToOperations(document)),
      },
    },
  },
};

SwaggerUIBundle({
  url: "openapi.yaml",
  dom_id: "#swagger-ui",
  plugins: [forSwaggerUi],
  validatorUrl: null,
  deepLinking: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
});
