// Shows the API of this service; requests made here carry the login's CSRF token.
window.addEventListener("load", async () => {
  const me = await fetch("/api/v1/session");
  const token = me.ok ? (await me.json()).csrf_token : "";
  window.ui = SwaggerUIBundle({
    url: "/api/v1/openapi.json",
    dom_id: "#api",
    deepLinking: true,
    requestInterceptor: (request) => {
      if (token) request.headers["X-CSRF-Token"] = token;
      return request;
    },
  });
});
