import { testSeeds } from "./seeds.ts";

testSeeds(25_001, 50_000);
