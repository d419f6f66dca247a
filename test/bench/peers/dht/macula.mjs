export { startDhtMesh as startNetwork } from '../../dht-mesh.ts';
