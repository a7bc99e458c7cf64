export { asyncApi, publicAsyncApi } from "./asyncapi.ts";
export { catalogOf, publicPart } from "./catalog.ts";
export { jsonSchemaOf } from "./json_schema.ts";
export { openApi } from "./openapi.ts";
