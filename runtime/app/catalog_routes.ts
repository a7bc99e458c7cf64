import type { Catalog } from "../catalog/catalog.ts";
import { didYouMean } from "../core/did_you_mean.ts";
import type { Namespace } from "../core/namespace.ts";
import { authenticate, type Authenticators } from "../http/authenticate.ts";
import type { Caller } from "../http/caller.ts";
import { type Document, documentOf, documentResponse } from "../http/document.ts";
import { Problem } from "../http/problem.ts";
import { type Route, route } from "../http/router.ts";
import type { Registry } from "../project/registry.ts";

/** The generators of documents. They are loaded with the first request. */
type Documents = typeof import("../catalog/documents.ts");

/** One document of a catalog. */
interface Page {
  readonly path: string;
  readonly contentType: string;
  /** Returns the document; undefined if the catalog has no such event. */
  readonly build: (documents: Documents, catalog: Catalog, type: string) => unknown;
}

interface View {
  /** Returns whom a request is from. @throws {Problem} 401 if it may not see any document. */
  readonly authenticate: (request: Request) => Caller | undefined | Promise<Caller>;
  /** Returns what the caller may see. */
  readonly catalogFor: (documents: Documents, caller: Caller | undefined) => Catalog;
  readonly isPrivate: boolean;
}

/**
 * Documents that are kept. Each set of API keys with the same types has documents of its own, and the keys may be
 * replaced at any time.
 */
const MAX_KEPT = 200;

/**
 * Returns the routes of the public listener: the events that the ingress takes from the caller, and nothing internal.
 * They need an API key or a token if the ingress does.
 */
export function publicCatalogRoutes(registry: Registry, names: Namespace, by: Authenticators): Route[] {
  const pages = pagesOf(by, (documents, catalog) => documents.publicAsyncApi(catalog));
  return routesOf(pages, {
    authenticate: (request) => authenticate(by, request),
    catalogFor: ({ catalogOf, publicPart }, caller) => publicPart(catalogOf(registry, names), caller?.mayPublish),
    isPrivate: !by.keys.isOpen,
  });
}

/** Returns the routes of the admin listener, with the whole project. */
export function adminCatalogRoutes(registry: Registry, names: Namespace, by: Authenticators): Route[] {
  return routesOf(pagesOf(by, (documents, catalog) => documents.asyncApi(catalog)), {
    authenticate: () => undefined,
    catalogFor: ({ catalogOf }) => catalogOf(registry, names),
    isPrivate: false,
  });
}

function pagesOf({ keys, tokens }: Authenticators, asyncApi: Page["build"]): Page[] {
  const contentType = "application/json", security = { needsKey: !keys.isOpen, takesTokens: tokens !== undefined };
  return [
    { path: "/openapi.json", contentType, build: ({ openApi }, catalog) => openApi(catalog, security) },
    { path: "/asyncapi.json", contentType, build: asyncApi },
    {
      path: "/schemas/:type",
      contentType: "application/schema+json",
      build: ({ jsonSchemaOf }, { events }, type) => {
        const event = events.find((one) => one.type === type);
        if (event) return jsonSchemaOf(event);
        const meant = didYouMean(type, events.map((one) => one.type));
        throw new Problem("unknown-type", `no event ${JSON.stringify(type)} is in the catalog${meant}`);
      },
    },
  ];
}

function routesOf(pages: readonly Page[], { authenticate: callerOf, catalogFor, isPrivate }: View): Route[] {
  const kept = new Map<string, Document>();
  return pages.map(({ path, contentType, build }) =>
    route("GET", path, async (request, { type = "" }) => {
      const caller = await callerOf(request), documents = await import("../catalog/documents.ts");
      const catalog = catalogFor(documents, caller);
      const key = [path, type, ...catalog.events.map((event) => event.type)].join(" ");
      let document = kept.get(key);
      if (!document) {
        document = documentOf(build(documents, catalog, type));
        if (kept.size === MAX_KEPT) kept.clear();
        kept.set(key, document);
      }
      return documentResponse(document, request, { contentType, isPrivate });
    })
  );
}
