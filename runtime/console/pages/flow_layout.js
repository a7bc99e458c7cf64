import dagre from "@dagrejs/dagre";

const FUNCTION = { width: 200, height: 76 };
const EVENT_HEIGHT = 28;
/** Room around the drawing. */
const MARGIN = 28;

/**
 * Places the nodes of a graph from left to right.
 *
 * @param {{ events: any[], functions: any[], edges: any[] }} graph Of `GET /console/api/graph`
 * @returns {{ width: number, height: number, nodes: any[], edges: any[] }} In px; a node has its centre in `x` and `y`
 */
export function layOut({ events, functions, edges }) {
  const drawing = new dagre.graphlib.Graph({ multigraph: true });
  drawing.setGraph({ rankdir: "LR", nodesep: 28, ranksep: 42, edgesep: 16, marginx: MARGIN, marginy: MARGIN });
  for (const event of events) {
    drawing.setNode(`event:${event.type}`, { width: eventWidth(event), height: EVENT_HEIGHT, event });
  }
  for (const fn of functions) drawing.setNode(`function:${fn.name}`, { ...FUNCTION, fn });
  const drawn = edges.filter(({ from, to }) => drawing.hasNode(from) && drawing.hasNode(to));
  for (const edge of drawn) drawing.setEdge(edge.from, edge.to, {}, edge.id);
  dagre.layout(drawing);
  const { width, height } = drawing.graph();
  return {
    width: Number.isFinite(width) ? width : 0,
    height: Number.isFinite(height) ? height : 0,
    nodes: drawing.nodes().map((id) => ({ id, ...drawing.node(id) })),
    edges: drawn.map((edge) => {
      const { points } = drawing.edge(edge.from, edge.to, edge.id);
      const ends = endsOf(points, drawing.node(edge.from), drawing.node(edge.to));
      return { ...edge, path: pathOf(ends), ...labelOf(ends, edge.kind) };
    }),
  };
}

/** An event is as wide as its type, so that types can be read in full up to 34 characters. */
function eventWidth({ type, ingress, schedule }) {
  return Math.min(type.length, 34) * 6.7 + (ingress || schedule ? 40 : 24);
}

/** Returns the points of an edge. It leaves at the right of a node and arrives at the left of the next one. */
function endsOf(points, from, to) {
  const right = from.x + from.width / 2, left = to.x - to.width / 2;
  if (right > left) return points;
  return [{ x: right, y: from.y }, ...points.slice(1, -1), { x: left - 5, y: to.y }];
}

/** Returns a curve through points, level at each of them. */
function pathOf(points) {
  return points.map(({ x, y }, index) => {
    if (index === 0) return `M${x} ${y}`;
    const before = points[index - 1], middle = (before.x + x) / 2;
    return `C${middle} ${before.y} ${middle} ${y} ${x} ${y}`;
  }).join("");
}

/** Returns where an edge stands alone: its middle if it is level, else its end at the event, where no other one is. */
function labelOf(points, kind) {
  const isLevel = points.every(({ y }) => Math.abs(y - points[0].y) < 4);
  const [a, b] = isLevel ? [points[0], points.at(-1)] : kind === "on" ? points.slice(0, 2) : points.slice(-2);
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}

/** Returns the part of a graph with the functions that match, and what is joined to them. */
export function partOf(graph, matches) {
  const kept = new Set(graph.functions.filter(matches).map(({ name }) => `function:${name}`));
  const edges = graph.edges.filter(({ from, to }) => kept.has(from) || kept.has(to));
  const joined = new Set(edges.flatMap(({ from, to }) => [from, to]));
  return {
    events: graph.events.filter(({ type }) => joined.has(`event:${type}`)),
    functions: graph.functions.filter(({ name }) => kept.has(`function:${name}`)),
    edges,
  };
}
