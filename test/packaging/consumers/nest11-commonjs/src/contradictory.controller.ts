import { Controller, Get } from '@nestjs/common';
import { Public, Roles } from '@palisade/nest';

@Controller('contradictory')
export class ContradictoryController {
  @Public()
  @Roles('admin')
  @Get()
  both() {
    return {};
  }
}
