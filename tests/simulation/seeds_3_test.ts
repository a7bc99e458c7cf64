import { testSeeds } from "./seeds.ts";

testSeeds(50_001, 75_000);
