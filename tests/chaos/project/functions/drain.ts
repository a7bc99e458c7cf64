import { defineFunction } from "weir";
import { Small } from "../schemas/chaos.ts";

export default defineFunction({ on: Small, concurrency: 256 }, () => {});
