// The browsable document of the API. Swagger UI does the work; it is told where the document is, and asks nobody else.

/**
 * @typedef {{dom_id: string, url: string, deepLinking: boolean, docExpansion: string, validatorUrl: null,
 *     tryItOutEnabled: boolean, persistAuthorization: boolean, defaultModelsExpandDepth: number,
 *     filter: boolean}} SwaggerOptions
 */

const swagger = /** @type {{SwaggerUIBundle: (options: SwaggerOptions) => unknown}} */ (
    /** @type {unknown} */ (window)
);

// Swagger's dark colours go by a class, not by what the reader's system says.
const isDark = matchMedia("(prefers-color-scheme: dark)");
const followScheme = () => document.documentElement.classList.toggle("dark-mode", isDark.matches);
isDark.addEventListener("change", followScheme);
followScheme();

swagger.SwaggerUIBundle({
    dom_id: "#api",
    url: "/api/v1/openapi.json",
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    filter: true,
    tryItOutEnabled: false,
    // A key that was typed in for a try is forgotten with the page.
    persistAuthorization: false,
    // Swagger's own server would otherwise be asked whether the document is valid.
    validatorUrl: null,
});
