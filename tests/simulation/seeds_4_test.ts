import { testSeeds } from "./seeds.ts";

testSeeds(75_001, 100_000);
