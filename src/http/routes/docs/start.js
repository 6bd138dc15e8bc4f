// Shows the document of the service that this page came from, and asks nobody else for anything.
SwaggerUIBundle({
  url: "openapi.yaml",
  dom_id: "#swagger-ui",
  validatorUrl: null,
  deepLinking: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
});
