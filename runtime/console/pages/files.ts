import indexHtml from "./index.html" with { type: "text" };
import controlsCss from "./controls.css" with { type: "text" };
import detailCss from "./detail.css" with { type: "text" };
import eventsCss from "./events.css" with { type: "text" };
import flowCss from "./flow.css" with { type: "text" };
import flowNodesCss from "./flow_nodes.css" with { type: "text" };
import formsCss from "./forms.css" with { type: "text" };
import layoutCss from "./layout.css" with { type: "text" };
import pagesCss from "./pages.css" with { type: "text" };
import partsCss from "./parts.css" with { type: "text" };
import tokensCss from "./tokens.css" with { type: "text" };
import apiJs from "./api.js" with { type: "text" };
import appJs from "./app.js" with { type: "text" };
import chartJs from "./chart.js" with { type: "text" };
import curlJs from "./curl.js" with { type: "text" };
import deadLetterEditJs from "./dead_letter_edit.js" with { type: "text" };
import deadLetterPageJs from "./dead_letter_page.js" with { type: "text" };
import deadLettersListJs from "./dead_letters_list.js" with { type: "text" };
import deadLettersPageJs from "./dead_letters_page.js" with { type: "text" };
import dialogJs from "./dialog.js" with { type: "text" };
import elJs from "./el.js" with { type: "text" };
import eventPageJs from "./event_page.js" with { type: "text" };
import eventsPageJs from "./events_page.js" with { type: "text" };
import eventsRowJs from "./events_row.js" with { type: "text" };
import filterFieldJs from "./filter_field.js" with { type: "text" };
import flowDrawingJs from "./flow_drawing.js" with { type: "text" };
import flowLayoutJs from "./flow_layout.js" with { type: "text" };
import flowNodesJs from "./flow_nodes.js" with { type: "text" };
import flowPageJs from "./flow_page.js" with { type: "text" };
import formatJs from "./format.js" with { type: "text" };
import functionChartsJs from "./function_charts.js" with { type: "text" };
import functionFiguresJs from "./function_figures.js" with { type: "text" };
import functionPageJs from "./function_page.js" with { type: "text" };
import functionPartsJs from "./function_parts.js" with { type: "text" };
import functionsPageJs from "./functions_page.js" with { type: "text" };
import jobsJs from "./jobs.js" with { type: "text" };
import journeyJs from "./journey.js" with { type: "text" };
import jsonViewJs from "./json_view.js" with { type: "text" };
import keyboardJs from "./keyboard.js" with { type: "text" };
import lazyJs from "./lazy.js" with { type: "text" };
import liveJs from "./live.js" with { type: "text" };
import partsJs from "./parts.js" with { type: "text" };
import pauseJs from "./pause.js" with { type: "text" };
import publishFormJs from "./publish_form.js" with { type: "text" };
import publishPageJs from "./publish_page.js" with { type: "text" };
import routerJs from "./router.js" with { type: "text" };
import schemaFormJs from "./schema_form.js" with { type: "text" };
import shellJs from "./shell.js" with { type: "text" };
import signInJs from "./sign_in.js" with { type: "text" };
import sparklineJs from "./sparkline.js" with { type: "text" };
import statesJs from "./states.js" with { type: "text" };
import storeJs from "./store.js" with { type: "text" };
import streamJs from "./stream.js" with { type: "text" };
import tailJs from "./tail.js" with { type: "text" };
import themeJs from "./theme.js" with { type: "text" };
import traceLineJs from "./trace_line.js" with { type: "text" };
import iconSvg from "./icon.svg" with { type: "text" };

/** The files of the pages, by name. `deno publish` and `deno cache` find them by these imports. */
export const PAGES: Readonly<Record<string, string>> = {
  "index.html": indexHtml,
  "controls.css": controlsCss,
  "detail.css": detailCss,
  "events.css": eventsCss,
  "flow.css": flowCss,
  "flow_nodes.css": flowNodesCss,
  "forms.css": formsCss,
  "layout.css": layoutCss,
  "pages.css": pagesCss,
  "parts.css": partsCss,
  "tokens.css": tokensCss,
  "api.js": apiJs,
  "app.js": appJs,
  "chart.js": chartJs,
  "curl.js": curlJs,
  "dead_letter_edit.js": deadLetterEditJs,
  "dead_letter_page.js": deadLetterPageJs,
  "dead_letters_list.js": deadLettersListJs,
  "dead_letters_page.js": deadLettersPageJs,
  "dialog.js": dialogJs,
  "el.js": elJs,
  "event_page.js": eventPageJs,
  "events_page.js": eventsPageJs,
  "events_row.js": eventsRowJs,
  "filter_field.js": filterFieldJs,
  "flow_drawing.js": flowDrawingJs,
  "flow_layout.js": flowLayoutJs,
  "flow_nodes.js": flowNodesJs,
  "flow_page.js": flowPageJs,
  "format.js": formatJs,
  "function_charts.js": functionChartsJs,
  "function_figures.js": functionFiguresJs,
  "function_page.js": functionPageJs,
  "function_parts.js": functionPartsJs,
  "functions_page.js": functionsPageJs,
  "jobs.js": jobsJs,
  "journey.js": journeyJs,
  "json_view.js": jsonViewJs,
  "keyboard.js": keyboardJs,
  "lazy.js": lazyJs,
  "live.js": liveJs,
  "parts.js": partsJs,
  "pause.js": pauseJs,
  "publish_form.js": publishFormJs,
  "publish_page.js": publishPageJs,
  "router.js": routerJs,
  "schema_form.js": schemaFormJs,
  "shell.js": shellJs,
  "sign_in.js": signInJs,
  "sparkline.js": sparklineJs,
  "states.js": statesJs,
  "store.js": storeJs,
  "stream.js": streamJs,
  "tail.js": tailJs,
  "theme.js": themeJs,
  "trace_line.js": traceLineJs,
  "icon.svg": iconSvg,
};
